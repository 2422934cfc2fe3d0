"""What is researched: limit-up factors of China A-share sectors."""

import platform
from typing import TYPE_CHECKING

import scenario.compat  # noqa: F401

# isort: split
from rdagent.core.scenario import Scenario

import prompts

if TYPE_CHECKING:
    from rdagent.core.experiment import Task

    from scenario.night import Night


class FactorScenario(Scenario):
    """rdagent's view of a night: every role is made with it and finds the night here.

    Parameters
    ----------
    night
        What the roles work with.
    """

    def __init__(self, night: "Night") -> None:
        self.night = night

    @property
    def background(self) -> str:
        """What a factor is for, how it is measured, and what the data is."""
        return prompts.load("scenario").render(
            profile=self.night.profile, universe=self.night.universe
        )

    def get_source_data_desc(self, task: "Task | None" = None) -> str:
        """The fields, as measured on the search window."""
        return self.night.profile

    @property
    def rich_style_description(self) -> str:
        """For rdagent's viewers."""
        return self.background

    def get_scenario_all_desc(
        self,
        task: "Task | None" = None,
        filtered_tag: str | None = None,
        simple_background: bool | None = None,
    ) -> str:
        """Everything; the task changes nothing of it."""
        return self.background

    def get_runtime_environment(self) -> str:
        """Where expressions are evaluated."""
        return f"Python {platform.python_version()}, isolation: {self.night.isolation.identity}"
