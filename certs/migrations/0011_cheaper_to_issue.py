"""Less for PostgreSQL to do a certificate, and everything refused as before.

- A serial's row grows when its intent is written: with room left on its page that touches no index.
- Django's second index for LIKE 'abc%' on each text key: nobody searches keys so.
- Indexes that another one begins with, or by which nobody looks anything up.
- What a trigger would let pass anyway is recognized before it is called (WHEN), and a whole COPY is
  looked at in one query.
"""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# per cent: seven rows of 130 octets, 900 each with an intent under a P-256 CA, fill what is left of 8 KiB
ROOM = (
    "ALTER TABLE certs_serialnumber SET (fillfactor = 12);",
    "ALTER TABLE certs_serialnumber RESET (fillfactor);",
)

LIKE = {
    "certs_serialnumber_serial_5cb6b312_like": "certs_serialnumber (serial varchar_pattern_ops)",
    "certs_certificate_serial_id_eadab23f_like": "certs_certificate (serial_id varchar_pattern_ops)",
    "certs_certificate_fingerprint_sha256_9298dc6e_like": (
        "certs_certificate (fingerprint_sha256 varchar_pattern_ops)"
    ),
    "certs_certificate_spki_sha256_251113e5_like": "certs_certificate (spki_sha256 varchar_pattern_ops)",
    "certs_seenkey_spki_sha256_c0f775ff_like": "certs_seenkey (spki_sha256 varchar_pattern_ops)",
}

# The same function decides on all but the one change that every certificate brings: a first intent.
SERIALS = """
DROP TRIGGER append_only ON certs_serialnumber;
CREATE TRIGGER append_only BEFORE DELETE ON certs_serialnumber
    FOR EACH ROW EXECUTE FUNCTION certs_serial_goes_on();
CREATE TRIGGER goes_on BEFORE UPDATE ON certs_serialnumber FOR EACH ROW
    WHEN ((NEW.serial, NEW.authority_id, NEW.allocated_at, NEW.request_id, NEW.void_reason)
            IS DISTINCT FROM (OLD.serial, OLD.authority_id, OLD.allocated_at, OLD.request_id, OLD.void_reason)
        OR OLD.voided_at IS NOT NULL OR NEW.voided_at IS NOT NULL OR OLD.intent <> '')
    EXECUTE FUNCTION certs_serial_goes_on();
"""
SERIALS_BACK = """
DROP TRIGGER goes_on ON certs_serialnumber;
DROP TRIGGER append_only ON certs_serialnumber;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON certs_serialnumber
    FOR EACH ROW EXECUTE FUNCTION certs_serial_goes_on();
"""

# As before, FOR SHARE waits for whoever is voiding one of the serials right now, and sees what they wrote.
CERTIFICATES = """
CREATE FUNCTION certs_serials_are_live() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT serial, voided_at FROM certs_serialnumber
        WHERE serial IN (SELECT serial_id FROM stored) ORDER BY serial FOR SHARE
    LOOP
        IF one.voided_at IS NOT NULL THEN
            RAISE EXCEPTION 'the serial number % was voided', one.serial
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
DROP TRIGGER serial_is_live ON certs_certificate;
CREATE TRIGGER serial_is_live AFTER INSERT ON certs_certificate REFERENCING NEW TABLE AS stored
    FOR EACH STATEMENT EXECUTE FUNCTION certs_serials_are_live();
"""
CERTIFICATES_BACK = """
DROP TRIGGER serial_is_live ON certs_certificate;
CREATE TRIGGER serial_is_live BEFORE INSERT ON certs_certificate
    FOR EACH ROW EXECUTE FUNCTION certs_serial_is_live();
DROP FUNCTION certs_serials_are_live();
"""


def _person(called: str, **more: Any) -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
        verbose_name=called,
        **more,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("certs", "0010_indexes_of_what_changed_lately"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.RunSQL(*ROOM),
        *(
            migrations.RunSQL(f"DROP INDEX IF EXISTS {name};", f"CREATE INDEX {name} ON {columns};")
            for name, columns in LIKE.items()
        ),
        migrations.AlterField(
            model_name="certificate",
            name="node",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="certificates",
                to="members.node",
                verbose_name="node",
            ),
        ),
        migrations.AlterField(
            model_name="certificaterequest", name="requested_by", field=_person("requested by")
        ),
        migrations.AlterField(
            model_name="certificaterequest",
            name="decided_by",
            field=_person("decided by", blank=True, null=True),
        ),
        migrations.RunSQL(SERIALS, SERIALS_BACK),
        migrations.RunSQL(CERTIFICATES, CERTIFICATES_BACK),
    ]
