"""Settings of what leaves the run: a dashboard, the exported model, the Hub."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from data.spec import StrictModel, in_one_spelling
from train.config.choices import Backend, TrackingMode, Unproven


class TrackingConfig(StrictModel):
    """Where the run's figures go besides the run folder. The key comes from WANDB_API_KEY or wandb's own login."""

    backend: Backend = Field(Backend.NONE, description="dashboard that shows the run: none, wandb or tensorboard")
    mode: TrackingMode = Field(
        TrackingMode.AUTO,
        description="auto: as WANDB_MODE says, otherwise online with a key or with WANDB_BASE_URL, else offline",
    )
    project: str | None = Field(
        None, min_length=1, max_length=128, description="project in the dashboard; by default WANDB_PROJECT or embed-tune"
    )
    entity: str | None = Field(None, min_length=1, description="user or team in the dashboard; by default the owner of the key")
    group: str | None = Field(
        None, min_length=1, description="name under which the dashboard shows several runs together; by default none"
    )
    tags: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(
        default_factory=list, description="words by which the run can be found in the dashboard"
    )
    log_texts: bool = Field(False, description="true: also send example texts: the full report page and a table of examples")


class HubConfig(StrictModel):
    """Where the finished model is pushed on the Hub. The token comes from HF_TOKEN or the Hub client's own file."""

    _one_spelling = model_validator(mode="before")(in_one_spelling)

    repo_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$",
        description="repository on the Hub (owner/name) to which the model is pushed; by default nothing is pushed",
    )
    private: bool = Field(True, description="true: only the owner may see the repository")
    licence: str | None = Field(
        None, description="licence on the model card, by the Hub's id, such as apache-2.0; by default none"
    )


class ExportConfig(StrictModel):
    """What becomes of the judged model."""

    unproven: Unproven = Field(
        Unproven.SHIP,
        description="what model/ holds where the gain of what was trained is unproven: ship: what was trained, called unproven in"
        " the first line of every report; base: the base",
    )
    hub: HubConfig = Field(default_factory=HubConfig)
