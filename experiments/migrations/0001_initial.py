import django.db.models.deletion
import experiments.lifecycle
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('metrics', '0002_versions_insert_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='Experiment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=63, unique=True)),
                ('title', models.CharField(max_length=200)),
                ('kind', models.CharField(choices=[('ab', 'ab'), ('rollout', 'rollout'), ('ablation', 'ablation'), ('holdout', 'holdout'), ('aa', 'aa')], max_length=10)),
                ('owner', models.CharField(blank=True, max_length=150)),
                ('flag', models.CharField(blank=True, max_length=63)),
                ('environment', models.CharField(max_length=63)),
                ('unit_type', models.CharField(max_length=63)),
                ('assigned_here', models.BooleanField(default=True)),
                ('state', models.CharField(choices=[('draft', 'draft'), ('in_review', 'in_review'), ('approved', 'approved'), ('scheduled', 'scheduled'), ('running', 'running'), ('paused', 'paused'), ('stopped', 'stopped'), ('decided', 'decided'), ('rolling_out', 'rolling_out'), ('closed', 'closed'), ('invalid', 'invalid')], default=experiments.lifecycle.State['DRAFT'], max_length=12)),
                ('created_by', models.CharField(max_length=150)),
                ('created_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('stopped_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-created_at', 'key'],
                'constraints': [models.CheckConstraint(condition=models.Q(('key__regex', '^[a-z0-9][a-z0-9-]{0,62}$')), name='experiment_key_slug'), models.CheckConstraint(condition=models.Q(('stopped_at__isnull', True), ('stopped_at__gte', models.F('started_at')), _connector='OR'), name='experiment_stops_after_start')],
            },
        ),
        migrations.CreateModel(
            name='ExperimentVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('locked', 'Locked'), ('retired', 'Retired')], default='draft', max_length=8)),
                ('design', models.JSONField()),
                ('plan', models.JSONField(null=True)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('created_by', models.CharField(max_length=150)),
                ('created_at', models.DateTimeField()),
                ('submitted_by', models.CharField(blank=True, max_length=150)),
                ('approved_by', models.CharField(blank=True, max_length=150)),
                ('locked_by', models.CharField(blank=True, max_length=150)),
                ('locked_at', models.DateTimeField(null=True)),
                ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='experiments.experiment')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('recommended', models.CharField(max_length=40)),
                ('taken', models.CharField(choices=[('ship', 'Ship'), ('roll_back', 'Roll Back'), ('iterate', 'Iterate'), ('abandon', 'Abandon')], max_length=10)),
                ('reason', models.TextField()),
                ('snapshot_sha256', models.CharField(max_length=64)),
                ('decided_by', models.CharField(max_length=150)),
                ('decided_at', models.DateTimeField()),
                ('experiment', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='decision', to='experiments.experiment')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='experiments.experimentversion')),
            ],
        ),
        migrations.CreateModel(
            name='Arm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('key', models.CharField(max_length=63)),
                ('variant', models.CharField(max_length=63)),
                ('weight_ppm', models.PositiveIntegerField()),
                ('role', models.CharField(choices=[('control', 'control'), ('treatment', 'treatment')], max_length=10)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='arms', to='experiments.experimentversion')),
            ],
            options={
                'ordering': ['position'],
            },
        ),
        migrations.CreateModel(
            name='MetricBinding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('metric', models.CharField(max_length=63)),
                ('role', models.CharField(choices=[('primary', 'primary'), ('success', 'success'), ('guardrail', 'guardrail'), ('deterioration', 'deterioration'), ('diagnostic', 'diagnostic')], max_length=13)),
                ('blocking', models.BooleanField()),
                ('margin', models.FloatField(null=True)),
                ('margin_relative', models.BooleanField(null=True)),
                ('gain', models.FloatField(null=True)),
                ('gain_relative', models.BooleanField(null=True)),
                ('metric_version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='metrics.metricversion')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bindings', to='experiments.experimentversion')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Phase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('coverage_ppm', models.PositiveIntegerField()),
                ('reason', models.TextField(blank=True)),
                ('started_by', models.CharField(max_length=150)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='phases', to='experiments.experiment')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='phases', to='experiments.experimentversion')),
            ],
            options={
                'ordering': ['started_at', 'id'],
            },
        ),
        migrations.AddConstraint(
            model_name='experimentversion',
            constraint=models.UniqueConstraint(fields=('experiment', 'number'), name='experiment_version_number'),
        ),
        migrations.AddConstraint(
            model_name='experimentversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'draft')), fields=('experiment',), name='one_draft_version'),
        ),
        migrations.AddConstraint(
            model_name='experimentversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'locked')), fields=('experiment',), name='one_locked_version'),
        ),
        migrations.AddConstraint(
            model_name='experimentversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('locked_at__isnull', True), ('plan__isnull', True), ('sha256', ''), ('state', 'draft')), models.Q(('locked_at__isnull', False), ('plan__isnull', False), ('state__in', ['locked', 'retired'])), _connector='OR'), name='locked_version_has_plan'),
        ),
        migrations.AddConstraint(
            model_name='experimentversion',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by', ''), models.Q(('approved_by', models.F('submitted_by')), _negated=True), _connector='OR'), name='requester_is_never_approver'),
        ),
        migrations.AddConstraint(
            model_name='arm',
            constraint=models.UniqueConstraint(fields=('version', 'key'), name='arm_key_once'),
        ),
        migrations.AddConstraint(
            model_name='arm',
            constraint=models.UniqueConstraint(fields=('version', 'variant'), name='arm_variant_once'),
        ),
        migrations.AddConstraint(
            model_name='arm',
            constraint=models.UniqueConstraint(condition=models.Q(('role', 'control')), fields=('version',), name='one_control_arm'),
        ),
        migrations.AddConstraint(
            model_name='arm',
            constraint=models.CheckConstraint(condition=models.Q(('weight_ppm__gte', 1), ('weight_ppm__lte', 1000000)), name='arm_weight_is_a_share'),
        ),
        migrations.AddConstraint(
            model_name='metricbinding',
            constraint=models.UniqueConstraint(fields=('version', 'metric'), name='metric_bound_once'),
        ),
        migrations.AddConstraint(
            model_name='metricbinding',
            constraint=models.UniqueConstraint(condition=models.Q(('role', 'primary')), fields=('version',), name='one_primary_metric'),
        ),
        migrations.AddConstraint(
            model_name='metricbinding',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('margin__isnull', True), ('margin_relative__isnull', True)), models.Q(('margin__gt', 0), ('margin_relative__isnull', False)), _connector='OR'), name='margin_says_its_scale'),
        ),
        migrations.AddConstraint(
            model_name='metricbinding',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('gain__isnull', True), ('gain_relative__isnull', True)), models.Q(('gain__gt', 0), ('gain_relative__isnull', False)), _connector='OR'), name='gain_says_its_scale'),
        ),
        migrations.AddConstraint(
            model_name='metricbinding',
            constraint=models.CheckConstraint(condition=models.Q(('blocking', False), ('role', 'guardrail'), _connector='OR'), name='only_guardrails_block'),
        ),
        migrations.AddConstraint(
            model_name='phase',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('experiment',), name='one_open_phase'),
        ),
        migrations.AddConstraint(
            model_name='phase',
            constraint=models.CheckConstraint(condition=models.Q(('ended_at__isnull', True), ('ended_at__gte', models.F('started_at')), _connector='OR'), name='phase_ends_after_start'),
        ),
        migrations.AddConstraint(
            model_name='phase',
            constraint=models.CheckConstraint(condition=models.Q(('coverage_ppm__lte', 1000000)), name='phase_coverage_is_a_share'),
        ),
    ]
