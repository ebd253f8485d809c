from django.urls import path

from culture.pages import handbook

urlpatterns = [path("", handbook.handbook, name="handbook")]
