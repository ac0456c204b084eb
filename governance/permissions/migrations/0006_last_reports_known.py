"""What each node last reported stands in its delivery: filled in from the reports that were kept."""

from django.db import migrations

FILL = """
UPDATE permissions_delivery AS delivery
SET reported_epoch = last.epoch, reported_matches = last.matches, heard_at = last.received_at,
    agent_version = last.agent_version
FROM (
    SELECT DISTINCT ON (node_id) node_id, epoch, matches, received_at, agent_version
    FROM permissions_acknowledgement ORDER BY node_id, id DESC
) AS last
WHERE last.node_id = delivery.node_id;
UPDATE permissions_delivery SET pulled_epoch = applied_epoch, pulled_epoch_at = applied_at;
"""


class Migration(migrations.Migration):
    dependencies = [("permissions", "0005_what_nodes_report")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
