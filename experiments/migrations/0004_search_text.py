"""What the search looks into, for the experiments that were there before it."""

from django.db import migrations

FILL = """
UPDATE experiments_experiment AS e SET search_text = concat_ws(E'\\n', e.key, e.title, e.owner, e.flag, (
  SELECT concat_ws(E'\\n', h->>'change', h->>'audience', h->>'metric', h->>'mechanism', h->>'refuted_if')
  FROM (SELECT v.design->'hypothesis' AS h FROM experiments_experimentversion v
        WHERE v.experiment_id = e.id ORDER BY v.number DESC LIMIT 1) AS newest
), (SELECT d.reason FROM experiments_decision d WHERE d.experiment_id = e.id));
"""


class Migration(migrations.Migration):
    dependencies = [("experiments", "0003_living")]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
