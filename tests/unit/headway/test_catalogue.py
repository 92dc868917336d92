"""What the folders declare is found: one workflow each, or its variants."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from firm.errors import DeclarationError
from headway import catalogue
from headway.declarations import Declaration
from tests.unit.firm.samples import DECLARATION, SAMPLE
from workflows.billing_readiness import WORKFLOW, WORKFLOW_WITH_AMOUNT


def declaring(monkeypatch: pytest.MonkeyPatch, **module: object) -> None:
    found = iter([Declaration("workflows.here", lambda: SimpleNamespace(**module))])
    monkeypatch.setattr(catalogue, "declarations", lambda: found)


def test_a_folder_may_declare_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    other = type(SAMPLE)(**{**DECLARATION, "slug": "sample_variant"})
    declaring(monkeypatch, WORKFLOW=SAMPLE, WORKFLOWS=(SAMPLE, other))
    assert catalogue.declared() == {"sample_risk": SAMPLE, "sample_variant": other}


def test_variants_need_slugs_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    declaring(monkeypatch, WORKFLOWS=(SAMPLE, SAMPLE))
    with pytest.raises(DeclarationError, match="slug 'sample_risk' is declared twice"):
        catalogue.declared()


@pytest.mark.parametrize("variants", [(), (SAMPLE, "no workflow")])
def test_variants_that_are_none_are_refused(
    monkeypatch: pytest.MonkeyPatch, variants: tuple[object, ...]
) -> None:
    declaring(monkeypatch, WORKFLOWS=variants)
    with pytest.raises(DeclarationError, match="it has no WORKFLOW"):
        catalogue.declared()


def test_billing_readiness_is_there_with_and_without_the_amount() -> None:
    assert catalogue.workflow_named("billing_readiness") is WORKFLOW
    assert catalogue.workflow_named("billing_readiness_with_amount") is WORKFLOW_WITH_AMOUNT


@pytest.mark.parametrize("slug", sorted(catalogue.declared()))
def test_each_workflow_has_a_card_that_says_what_a_reviewer_asks(slug: str) -> None:
    card = catalogue.card_of(slug).lower()
    for asked in ("purpose", "owner", "affected", "data", "maturity", "calibration", "limits"):
        assert asked in card
    assert "slice" in card or "by step" in card


def test_a_workflow_without_a_card_has_an_empty_one() -> None:
    assert catalogue.card_of("nobody") == ""
