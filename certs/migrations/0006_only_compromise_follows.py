"""Who suspended decides who releases; and of a revocation nothing changes but its reason, to keyCompromise."""

from django.db import migrations, models

FUNCTION = """
CREATE FUNCTION certs_only_compromise_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        AND OLD.reason <> 'keyCompromise' AND NEW.reason = 'keyCompromise' AND NEW.revision > OLD.revision
        AND (NEW.certificate_id, NEW.authority_id, NEW.revoked_by_label, NEW.revoked_at, NEW.shard)
          = (OLD.certificate_id, OLD.authority_id, OLD.revoked_by_label, OLD.revoked_at, OLD.shard)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
TRIGGER = """
DROP TRIGGER append_only ON certs_revocation;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON certs_revocation
    FOR EACH ROW EXECUTE FUNCTION {};
"""


class Migration(migrations.Migration):
    dependencies = [("certs", "0005_history_of_hierarchy_and_status")]
    operations = [
        migrations.AddField(
            "suspension",
            "held_by_secretariat",
            models.BooleanField(default=False, verbose_name="suspended by the secretariat"),
        ),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION certs_only_compromise_follows();"),
        migrations.RunSQL(
            TRIGGER.format("certs_only_compromise_follows()"), TRIGGER.format("refuse_change()")
        ),
    ]
