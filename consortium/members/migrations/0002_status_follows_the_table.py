"""The database refuses a change of status that the transition table does not have.

Only the indexer's correction after a reorganisation may jump: it sets ``consortium.ledger_correction`` for its
own statement. The pairs are written out, as in every migration; a test compares them with ``states.TRANSITIONS``.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION check_institution_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = OLD.status
        OR current_setting('consortium.ledger_correction', true) = 'on'
        OR (OLD.status, NEW.status) IN (
            ('applied', 'in_review'),
            ('applied', 'declined'),
            ('in_review', 'more_information_needed'),
            ('in_review', 'declined'),
            ('in_review', 'admitted'),
            ('more_information_needed', 'in_review'),
            ('more_information_needed', 'declined'),
            ('admitted', 'active'),
            ('active', 'suspended'),
            ('active', 'exited'),
            ('suspended', 'active'),
            ('suspended', 'exited')
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'institution % can not go from % to %', OLD.id, OLD.status, NEW.status
        USING ERRCODE = 'check_violation';
END $$;
"""
TRIGGER = """
CREATE TRIGGER status_follows_the_table BEFORE UPDATE OF status ON members_institution
    FOR EACH ROW EXECUTE FUNCTION check_institution_status();
"""


class Migration(migrations.Migration):
    dependencies = [("members", "0001_alliance")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION check_institution_status();"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER status_follows_the_table ON members_institution;"),
    ]
