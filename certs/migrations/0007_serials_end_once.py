"""A serial number's life: allocated, its intent written once, ended by a certificate or voided, once."""

import django.db.models.deletion
from django.db import migrations, models

SERIALS = """
CREATE FUNCTION certs_serial_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        AND (NEW.serial, NEW.authority_id, NEW.allocated_at)
          = (OLD.serial, OLD.authority_id, OLD.allocated_at)
        AND NEW.request_id IS NOT DISTINCT FROM OLD.request_id
        AND OLD.voided_at IS NULL
        AND (NEW.intent = OLD.intent OR (OLD.intent = '' AND NEW.voided_at IS NULL))
        AND (NEW.voided_at IS NULL
             OR NOT EXISTS (SELECT FROM certs_certificate WHERE serial_id = OLD.serial)
            AND NOT EXISTS (SELECT FROM certs_crosscertificate WHERE serial_id = OLD.serial))
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
DROP TRIGGER append_only ON certs_serialnumber;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON certs_serialnumber
    FOR EACH ROW EXECUTE FUNCTION certs_serial_goes_on();
"""
SERIALS_BACK = """
DROP TRIGGER append_only ON certs_serialnumber;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON certs_serialnumber
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP FUNCTION certs_serial_goes_on();
"""
# FOR SHARE waits for whoever is voiding the serial right now, and sees what they wrote.
CERTIFICATES = """
CREATE FUNCTION certs_serial_is_live() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    voided timestamptz;
BEGIN
    SELECT voided_at INTO voided FROM certs_serialnumber WHERE serial = NEW.serial_id FOR SHARE;
    IF voided IS NOT NULL THEN
        RAISE EXCEPTION 'the serial number % was voided', NEW.serial_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER serial_is_live BEFORE INSERT ON certs_certificate
    FOR EACH ROW EXECUTE FUNCTION certs_serial_is_live();
CREATE TRIGGER serial_is_live BEFORE INSERT ON certs_crosscertificate
    FOR EACH ROW EXECUTE FUNCTION certs_serial_is_live();
"""
CERTIFICATES_BACK = """
DROP TRIGGER serial_is_live ON certs_certificate;
DROP TRIGGER serial_is_live ON certs_crosscertificate;
DROP FUNCTION certs_serial_is_live();
"""


class Migration(migrations.Migration):
    dependencies = [("certs", "0006_only_compromise_follows")]
    operations = [
        migrations.AlterModelOptions(
            name="serialnumber",
            options={"verbose_name": "serial number", "verbose_name_plural": "serial numbers"},
        ),
        migrations.AlterField(
            model_name="serialnumber",
            name="request",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="serials",
                to="certs.certificaterequest",
            ),
        ),
        migrations.AddField(
            model_name="serialnumber",
            name="voided_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="voided"),
        ),
        migrations.AddField(
            model_name="serialnumber",
            name="void_reason",
            field=models.TextField(blank=True, default="", verbose_name="why it was voided"),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="serialnumber",
            constraint=models.UniqueConstraint(
                condition=models.Q(("voided_at__isnull", True)),
                fields=("request",),
                name="one_live_serial_a_request",
            ),
        ),
        migrations.RunSQL(SERIALS, SERIALS_BACK),
        migrations.RunSQL(CERTIFICATES, CERTIFICATES_BACK),
    ]
