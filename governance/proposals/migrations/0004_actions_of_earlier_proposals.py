from django.db import migrations


def forwards(apps, schema_editor):
    """What was proposed before proposals could do several things did one."""
    Proposal = apps.get_model("proposals", "Proposal")
    Action = apps.get_model("proposals", "ProposalAction")
    Action.objects.bulk_create(
        Action(
            proposal=proposal,
            position=1,
            kind=proposal.kind,
            institution_id=proposal.institution_id,
            node_id=proposal.node_id,
            network_id=proposal.network_id,
            node_role=proposal.node_role,
        )
        for proposal in Proposal.objects.filter(actions=None).iterator()
    )


class Migration(migrations.Migration):
    dependencies = [("proposals", "0003_actions_attachments_and_comments")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
