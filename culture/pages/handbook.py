"""Pages that teach."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from culture.glossary import terms


def handbook(request: HttpRequest) -> HttpResponse:
    return render(request, "culture/handbook.html", {"terms": terms()})
