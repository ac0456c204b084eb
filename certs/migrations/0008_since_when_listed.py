"""Since which revision a revoked certificate is listed, whatever its entry said first."""

from django.db import migrations, models

FUNCTION = """
CREATE OR REPLACE FUNCTION certs_only_compromise_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        AND OLD.reason <> 'keyCompromise' AND NEW.reason = 'keyCompromise' AND NEW.revision > OLD.revision
        AND (NEW.certificate_id, NEW.authority_id, NEW.revoked_by_label, NEW.revoked_at, NEW.shard{0})
          = (OLD.certificate_id, OLD.authority_id, OLD.revoked_by_label, OLD.revoked_at, OLD.shard{1})
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("certs", "0007_serials_end_once")]
    operations = [
        migrations.AddField(
            "revocation",
            "listed_from",
            models.PositiveBigIntegerField(default=0, verbose_name="listed from revision"),
        ),
        migrations.RunSQL(FUNCTION.format(", NEW.listed_from", ", OLD.listed_from"), FUNCTION.format("", "")),
    ]
