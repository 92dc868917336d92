"""A wrong declaration fails with all its problems; a right one gives rows, groups, versions."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from firm.declared import problems_of
from firm.fairness import FAIRNESS_GATE, Fairness, Protected
from firm.vocabulary import constant, known_rate, parent
from firm.workflow import ActionSpec, Band, Feature, Gates, GroupBy, ModelSpec, Watch, Workflow
from tests.unit.firm.samples import (
    DECLARATION,
    POLICY,
    SAMPLE,
    START,
    HoursBooked,
    booked,
    report,
    request,
    taken,
)
from workflows.staffing_fit import WORKFLOW as STAFFING


def declared(**changed: Any) -> Workflow:
    return Workflow(**{**DECLARATION, **changed})


def problems(**changed: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        declared(**changed)
    return "\n".join(problems_of(caught.value))


def feature(name: str = "fine", **changed: Any) -> Feature:
    return Feature(
        **{"name": name, "of": constant(1), "unit": "1", "why": "why", "source": "src", **changed}
    )


def test_all_fields_that_are_wrong_are_named_at_once() -> None:
    said = problems(
        slug="Not A Slug", owner="", lateness_days=0, risk_class="none", slo={}, nobody_knows=1
    )
    for field in ("slug", "owner", "lateness_days", "risk_class", "slo", "nobody_knows"):
        assert f"{field}" in said
    assert "'Not A Slug'" in said


def test_all_that_does_not_fit_together_is_named_at_once() -> None:
    said = problems(
        features=(feature("twice"), feature("twice")),
        groups=(GroupBy(name="all"), GroupBy(name="all", key="x")),
        facts=(HoursBooked,),
        risk_class="high",
    )
    for problem in (
        "feature 'twice' is declared twice",
        "group 'all' is declared twice",
        "trigger StatusReported is not among the facts",
        "needs a worker_notice",
        "needs fairness",
    ):
        assert problem in said


def test_a_group_that_is_not_declared_is_named_with_what_reads_it() -> None:
    said = problems(
        features=(
            feature("rate", of=known_rate("ownr", prior="al")),
            feature("invoices", of=parent("owner").mean() + parent("client").count()),
        ),
        rule=known_rate("all", prior="everyone"),
    )
    for problem in (
        "feature 'rate' reads the group 'al', which is not declared; there are ['all', 'owner'",
        "feature 'rate' reads the group 'ownr', which is not declared",
        "feature 'invoices' reads the group 'client', which is not declared",
        "feature 'invoices' reads group 'owner' as a parent: declare it with keep=\"values\"",
        "rule reads the group 'everyone', which is not declared",
    ):
        assert problem in said


def test_an_offset_is_by_a_feature() -> None:
    model = ModelSpec(parameters={}, rounds=1, gates=Gates(auc=0.5), offset_by="steps")
    assert "offset_by names 'steps', which is no feature" in problems(model=model)
    with pytest.raises(ValidationError, match="offset_least=30 is of a feature's values"):
        ModelSpec(parameters={}, rounds=1, gates=Gates(auc=0.5), offset_least=30)


@pytest.mark.parametrize(
    ("changed", "problem"), [({"features": ()}, "no feature"), ({"triggers": ()}, "no trigger")]
)
def test_a_workflow_needs(changed: dict[str, Any], problem: str) -> None:
    assert problem in problems(**changed)


def test_people_are_scored_only_with_a_notice_to_them() -> None:
    assert "worker_notice" in problems(risk_class="high")
    assert "needs a worker_notice" not in problems(risk_class="high", worker_notice="Scored.")


def test_people_are_scored_only_where_fairness_is_declared() -> None:
    assert "needs fairness" in problems(risk_class="high", worker_notice="You are scored.")
    assert STAFFING.needed_gates == (FAIRNESS_GATE,)
    assert declared().needed_gates == ()


def test_fairness_fits_the_rankings_and_its_attributes_are_no_features() -> None:
    sex = Protected(name="sex", values=("women", "men"))
    fairness = Fairness(of="a person", attributes=(sex,), top=9)
    assert "declare candidates" in problems(fairness=fairness)
    fields = {name: getattr(STAFFING, name) for name in Workflow.model_fields}
    taken = Protected(name=STAFFING.feature_names[0], values=("a", "b"))
    wrong = fairness.model_copy(update={"attributes": (sex, taken)})
    with pytest.raises(ValidationError) as caught:
        Workflow(**fields | {"fairness": wrong})
    said = "\n".join(problems_of(caught.value))
    assert "the first 9 of a ranking, which keeps only 5" in said
    assert f"protected attributes are features: ['{taken.name}']" in said


def test_an_attribute_and_its_values_are_declared_once() -> None:
    with pytest.raises(ValidationError, match="names a value twice"):
        Protected(name="sex", values=("men", "men"))
    sex = Protected(name="sex", values=("women", "men"))
    with pytest.raises(ValidationError, match="'sex' is declared twice"):
        Fairness(of="a person", attributes=(sex, sex), top=3)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "Not a slug"}, "name"),
        ({"unit": ""}, "unit"),
        ({"why": "  "}, "why"),
        ({"monotone": 2}, "monotone"),
        ({"of": 5}, "of"),
        ({"extra": 5}, "extra"),
    ],
)
def test_a_feature_refuses(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        feature(**changed)


def test_a_declaration_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SAMPLE.slug = "other"


def test_a_workflow_folds_its_facts_and_is_triggered_by_its_triggers() -> None:
    events = [report("a", 0), booked("b", 0, 1), request("c", 0)]
    assert [SAMPLE.folds(event) for event in events] == [True, True, False]
    assert [SAMPLE.is_triggered_by(event) for event in events] == [True, False, False]


def test_a_row_has_the_features_in_their_order() -> None:
    workflow = declared(
        features=(feature("later", of=constant(2)), feature("earlier", of=constant(1)))
    )
    states, _ = taken([report("e", 0)], workflow)
    assert workflow.feature_names == ("later", "earlier")
    assert workflow.row(states.known(workflow, report("e", 0).subject, START)) == (2, 1)


def test_a_subject_is_in_the_groups_of_its_newest_texts() -> None:
    states, _ = taken(
        [
            report("a", 0, owner="DEP"),
            report("b", 1, owner="DOT"),
            report("c", 2),
            booked("d", 3, 1),
        ]
    )
    (state,) = states.subjects.values()
    assert SAMPLE.membership(state.history.entries) == {"all": "all", "owner": "owner:DOT"}
    assert SAMPLE.membership(state.history.entries[:1]) == {"all": "all", "owner": "owner:DEP"}


def test_a_group_of_several_texts_holds_those_that_share_all_of_them() -> None:
    groups = (GroupBy(name="all"), GroupBy(name="desk", key=("owner", "phase")))
    workflow = declared(groups=groups, features=(feature(),), observe=None)
    states, _ = taken([report("a", 0, owner="DEP"), report("b", 1, phase="Design")], workflow)
    (state,) = states.subjects.values()
    membership = workflow.membership(state.history.entries)
    assert membership == {"all": "all", "desk": "desk:DEP|Design"}
    assert workflow.membership(state.history.entries[:1]) == {"all": "all"}


@pytest.mark.parametrize(
    "bands",
    [
        POLICY.bands[:1],
        (Band(name="calm", at_least=0, because="another reason"), POLICY.bands[1]),
        (
            POLICY.bands[0],
            POLICY.bands[1].model_copy(
                update={"actions": (ActionSpec(kind="notify", says="Have a look."),)}
            ),
        ),
    ],
    ids=["a band less", "another reason", "an approval less"],
)
def test_another_policy_has_another_version(bands: tuple[Band, ...]) -> None:
    other = declared(policy={"bands": bands})
    assert other.policy_version != SAMPLE.policy_version
    assert declared().policy_version == SAMPLE.policy_version


def test_a_copy_with_changes_does_not_remember_what_followed_from_the_original() -> None:
    one = declared()
    assert one.told_by == ()
    assert one.model_copy(update={"watch": Watch(by=("region",))}).told_by == ("region",)
    assert one.told_by == ()
