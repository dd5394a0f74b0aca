"""The verdicts on a batch of new models, and where they leave each of them. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from events.envelope import Event
from events.errors import Refusal
from events.payloads import ModelTrained
from events.wording import shown
from functions.registry.champion import Contender, choose_champion
from functions.registry.places import CHAMPION, Cause, Places
from functions.storage import Verdict

BY_ITSELF = "registry"


def verdicts(
    trained: Sequence[Event[ModelTrained]], requested_at: Mapping[str, datetime], places: Places
) -> dict[str, Verdict]:
    """Decide on each model, once, and move it to its place; by model id.

    `requested_at` is when each run was requested. Of several models of a series the
    newest is looked at first, so that one batch promotes at most the one that stays.
    Refusal for a model of a run that is not in `requested_at`.
    """
    models = {event.data.model_id: event.data for event in trained}
    contenders = {model_id: contender_of(model, requested_at) for model_id, model in models.items()}
    decided = {}
    for model_id in sorted(models, key=lambda i: contenders[i].age, reverse=True):
        model, contender = models[model_id], contenders[model_id]
        series = (model.store, model.product)
        champion = places.of(series).get(CHAMPION)
        verdict = choose_champion(
            model.policy, contender, champion, model.comparison, model.metrics
        )
        cause = Cause(model_id, BY_ITSELF, verdict.reason)
        if verdict.promote:
            places.promote(series, contender, cause, model.as_of)
        else:
            places.keep(series, contender, cause)
        decided[model_id] = verdict
    return decided


def contender_of(model: ModelTrained, requested_at: Mapping[str, datetime]) -> Contender:
    """The model as one that wants a place."""
    if model.run_id not in requested_at:
        raise Refusal(
            "run_id",
            f"no run {model.run_id!r} is planned, so model {model.model_id!r} of {model.key} is of "
            "none",
            shown(model.run_id),
            "see GET /runs",
        )
    return Contender(
        model.model_id,
        model.data_through,
        requested_at[model.run_id],
        model.chosen or model.strategy,
    )
