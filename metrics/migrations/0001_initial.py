import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Metric',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=63, unique=True)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['key'],
            },
        ),
        migrations.CreateModel(
            name='MetricVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('text', models.TextField()),
                ('content', models.JSONField()),
                ('sha256', models.CharField(max_length=64)),
                ('author', models.CharField(max_length=150)),
                ('created_at', models.DateTimeField()),
                ('metric', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='metrics.metric')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.AddField(
            model_name='metric',
            name='current',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='metrics.metricversion'),
        ),
        migrations.AddConstraint(
            model_name='metricversion',
            constraint=models.UniqueConstraint(fields=('metric', 'number'), name='metric_version_number'),
        ),
        migrations.AddConstraint(
            model_name='metricversion',
            constraint=models.CheckConstraint(condition=models.Q(('number__gte', 1)), name='metric_version_from_one'),
        ),
        migrations.AddConstraint(
            model_name='metric',
            constraint=models.CheckConstraint(condition=models.Q(('key__regex', '^[a-z0-9][a-z0-9-]{0,62}$')), name='metric_key_slug'),
        ),
    ]
