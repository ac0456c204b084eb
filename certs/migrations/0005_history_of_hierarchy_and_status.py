"""What was there before authorities had purposes, and the history that is not to be rewritten."""

from asn1crypto import crl, x509
from django.db import migrations

_REASONS = {
    "keyCompromise": "key_compromise",
    "affiliationChanged": "affiliation_changed",
    "superseded": "superseded",
    "cessationOfOperation": "cessation_of_operation",
    "privilegeWithdrawn": "privilege_withdrawn",
}


def _purposes(apps, schema_editor):
    apps.get_model("certs", "Authority").objects.filter(kind="root").update(purpose="root")


def _entry(revocation):
    entry = crl.RevokedCertificate(
        {
            "user_certificate": int(revocation.certificate.serial_id, 16),
            "revocation_date": x509.Time("utc_time", revocation.revoked_at.replace(microsecond=0)),
        }
    )
    reason = _REASONS.get(revocation.reason)
    if reason:
        entry["crl_entry_extensions"] = [{"extn_id": "crl_reason", "extn_value": crl.CRLReason(reason)}]
    return entry.dump()


def _entries(apps, schema_editor):
    rows = apps.get_model("certs", "Revocation").objects.filter(crl_entry=b"").select_related("certificate")
    if not rows.exists():
        return
    schema_editor.execute("ALTER TABLE certs_revocation DISABLE TRIGGER append_only")
    for revocation in rows:
        revocation.crl_entry = _entry(revocation)
        revocation.save(update_fields=["crl_entry"])
    schema_editor.execute("ALTER TABLE certs_revocation ENABLE TRIGGER append_only")


class Migration(migrations.Migration):
    dependencies = [("certs", "0004_hierarchy_life_and_status")]
    operations = [
        migrations.RunPython(_purposes, migrations.RunPython.noop),
        migrations.RunPython(_entries, migrations.RunPython.noop),
        migrations.RunSQL(
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON certs_crosscertificate "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change();",
            "DROP TRIGGER append_only ON certs_crosscertificate;",
        ),
        migrations.RunSQL(
            "CREATE TRIGGER never_deleted BEFORE DELETE ON certs_suspension "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change();",
            "DROP TRIGGER never_deleted ON certs_suspension;",
        ),
    ]
