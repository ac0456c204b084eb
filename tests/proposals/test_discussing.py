"""Comments and files: who may say something, what is attached by its hash, and how it is handed out."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from consortium.core.errors import InvalidInput, NotAllowed
from governance.chain.models import OnChainProposal
from governance.proposals import attachments, selectors, services
from governance.proposals.errors import (
    AttachedAlready,
    AttachmentDamaged,
    AttachmentTooLarge,
    NotADraft,
    TooManyAttachments,
    TooManyComments,
)
from governance.proposals.models import Attachment, Comment, Proposal
from governance.proposals.services import discussing
from tests.factories import UserFactory
from tests.proposals.stage import Stage

LICENCE = b"%PDF-1.7 the bank's licence"


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Settings) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


def attach(stage: Stage, proposal: Proposal, **other: Any) -> Attachment:
    fields = {"name": "许可证.pdf", "content": LICENCE, "actor": stage.secretary, **other}
    return services.attach(proposal, **fields)


class TestAttaching:
    def test_hash_and_size_go_on_the_ledger_with_the_text(self, stage: Stage) -> None:
        draft = stage.draft()
        before = draft.chain_proposal_id

        attached = attach(stage, draft)

        digest = hashlib.sha256(LICENCE).hexdigest()
        assert (attached.sha256, attached.size) == (digest, len(LICENCE))
        opened = services.open(draft, actor=stage.secretary)
        assert opened.chain_proposal_id != before
        stage.relay()
        line = f"Attachment SHA-256: {digest} ({len(LICENCE)} bytes) 许可证.pdf"
        assert line in OnChainProposal.objects.get().description.splitlines()
        assert list(selectors.attachments_of(opened)) == [attached]
        assert attachments.read(attached) == LICENCE

    def test_what_is_taken_off_again_leaves_the_description(self, stage: Stage) -> None:
        draft = stage.draft()
        before = draft.description
        services.detach(attach(stage, draft), actor=stage.secretary)
        assert Proposal.objects.get().description == before
        assert [event.data["name"] for event in stage.events(draft, "proposal.detached")] == ["许可证.pdf"]

    def test_a_successor_has_the_same_files_until_they_are_taken_off(
        self, stage: Stage, data_dir: Path
    ) -> None:
        draft = stage.draft()
        first, second = attach(stage, draft), attach(stage, draft, name="a.txt", content=b"Minutes of June")
        proposal = services.open(draft, actor=stage.secretary)
        stage.work()
        kept = sorted(path.name for path in data_dir.rglob("*") if path.is_file())
        words = {"title_zh": "接纳新成员", "title_en": "Admit a member", "text": "As discussed."}
        with stage.ledgers_time():
            successor = services.amend(proposal, **words, reason="Asked to", actor=stage.secretary)

        copied = list(selectors.attachments_of(successor))
        assert [(one.name, one.sha256, one.size) for one in copied] == [
            (one.name, one.sha256, one.size) for one in (first, second)
        ]
        assert [attachments.read(one) for one in copied] == [LICENCE, b"Minutes of June"]
        assert sorted(path.name for path in data_dir.rglob("*") if path.is_file()) == kept
        successor.refresh_from_db()
        told = [line for line in successor.description.splitlines() if line.startswith("Attachment")]
        assert [line.split()[2] for line in told] == [first.sha256, second.sha256]
        assert len(stage.events(successor, "proposal.attached")) == 2

        services.detach(copied[0], actor=stage.secretary)
        successor.refresh_from_db()
        assert first.sha256 not in successor.description
        assert list(selectors.attachments_of(proposal)) == [first, second]  # the old one keeps its own
        stage.relay()  # the withdrawal of the one that it replaces
        with stage.ledgers_time():
            services.open(successor, actor=stage.secretary)
        stage.relay()
        on_ledger = OnChainProposal.objects.get(proposal_id=successor.chain_proposal_id)
        assert second.sha256 in on_ledger.description

    def test_only_drafts_and_only_by_the_secretariat(self, stage: Stage) -> None:
        draft = stage.draft()
        attached = attach(stage, draft)
        with pytest.raises(NotAllowed):
            attach(stage, draft, content=b"other", actor=stage.officer(stage.banks[0]))
        services.open(draft, actor=stage.secretary)
        with pytest.raises(NotADraft):
            attach(stage, draft, content=b"other")
        with pytest.raises(NotADraft):
            services.detach(attached, actor=stage.secretary)

    def test_limits(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        draft = stage.draft()
        monkeypatch.setattr(attachments, "MOST", 1)
        with pytest.raises(AttachmentTooLarge):
            attach(stage, draft, content=bytes(attachments.SIZE_LIMIT + 1))
        attach(stage, draft)
        with pytest.raises(TooManyAttachments):
            attach(stage, draft, content=b"another")
        monkeypatch.setattr(attachments, "MOST", 2)
        with pytest.raises(AttachedAlready):
            attach(stage, draft, name="copy.pdf")

    @pytest.mark.parametrize("name", ["", "a/b.pdf", "..", "c\\d", "two\nlines.txt", "x" * 121, ".hidden"])
    def test_a_name_that_is_no_files(self, stage: Stage, name: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            attach(stage, stage.draft(), name=name)
        assert caught.value.params["field"] == "name"

    def test_an_empty_file(self, stage: Stage) -> None:
        with pytest.raises(InvalidInput):
            attach(stage, stage.draft(), content=b"")


class TestHandingOut:
    def stored(self, attached: Attachment) -> Path:
        return attachments.folder() / attached.sha256[:2] / attached.sha256

    def test_bytes_that_are_not_those_attached_are_not_handed_out(self, stage: Stage) -> None:
        draft = stage.draft()
        attached = attach(stage, draft)
        self.stored(attached).chmod(0o600)
        self.stored(attached).write_bytes(b"something nicer")

        with pytest.raises(AttachmentDamaged):
            attachments.read(attached)
        with pytest.raises(AttachmentDamaged):
            services.open(draft, actor=stage.secretary)

    def test_nor_is_nothing(self, stage: Stage) -> None:
        attached = attach(stage, stage.draft())
        self.stored(attached).unlink()
        with pytest.raises(AttachmentDamaged):
            attachments.read(attached)

    @pytest.mark.parametrize(
        ("name", "media_type"),
        [
            ("licence.pdf", "application/pdf"),
            ("plan.PNG", "image/png"),
            ("page.html", "application/octet-stream"),
            ("picture.svg", "application/octet-stream"),
        ],
    )
    def test_it_is_saved_and_never_run(self, stage: Stage, name: str, media_type: str) -> None:
        headers = attachments.headers(attach(stage, stage.draft(), name=name))

        assert headers["Content-Type"] == media_type
        assert headers["Content-Disposition"].startswith("attachment; ")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in headers["Content-Security-Policy"]
        assert headers["Content-Length"] == str(len(LICENCE))

    def test_a_name_can_not_forge_a_header(self, stage: Stage) -> None:
        headers = attachments.headers(attach(stage, stage.draft(), name="a'; b=许可.pdf"))
        assert headers["Content-Disposition"] == (
            "attachment; filename*=UTF-8''a%27%3B%20b%3D%E8%AE%B8%E5%8F%AF.pdf"
        )


class TestComments:
    def test_members_and_the_secretariat_talk_and_the_regulator_reads(self, stage: Stage) -> None:
        proposal, bank = stage.proposed(), stage.banks[0]
        officer, regulator = stage.officer(bank), UserFactory(regulator=True)

        said = services.comment(proposal, text="Is its licence for all of China?\r\nWe ask.", actor=officer)
        services.comment(proposal, text="It is.", actor=stage.secretary)
        with pytest.raises(NotAllowed):
            services.comment(proposal, text="We watch.", actor=regulator)

        assert said.text == "Is its licence for all of China?\nWe ask."
        listed = [(c.author, c.institution) for c in selectors.discussion(proposal)]
        assert listed == [(stage.secretary, None), (officer, bank)]
        assert len(stage.events(proposal, "proposal.commented")) == 2

    def test_a_draft_is_the_secretariats_own(self, stage: Stage) -> None:
        draft = stage.draft()
        with pytest.raises(NotAllowed):
            services.comment(draft, text="Too early?", actor=stage.officer(stage.banks[0]))
        services.comment(draft, text="Note to ourselves.", actor=stage.secretary)
        assert Comment.objects.count() == 1

    def test_one_bank_can_not_fill_the_page(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        proposal, bank, other = stage.proposed(), stage.banks[0], stage.banks[1]
        monkeypatch.setattr(discussing, "MOST_COMMENTS", 2)
        for number in range(2):
            services.comment(proposal, text=f"Remark {number}.", actor=stage.officer(bank))
        with pytest.raises(TooManyComments):
            services.comment(proposal, text="And another.", actor=stage.officer(bank))
        services.comment(proposal, text="May I?", actor=stage.officer(other))
        assert Comment.objects.count() == 3

    @pytest.mark.parametrize("text", ["", " \n ", "x" * 4001, "seen \N{ZERO WIDTH SPACE} unseen"])
    def test_what_is_no_comment(self, stage: Stage, text: str) -> None:
        with pytest.raises(InvalidInput):
            services.comment(stage.draft(), text=text, actor=stage.secretary)
