"""Who writes the daily page's paragraph."""

from data_profile.home import Home
from data_profile.sessions import today
from predictor.report.prose import Writer, WriterUnavailable
from scenario.errors import ScenarioError
from scenario.paragraph_writer import from_environment


def writer(home: Home) -> Writer:
    """The language model that CHAT_MODEL names; the environment's budget counts for each day anew.

    Raises
    ------
    scenario.errors.BackendError
        No model is set.
    """
    asked = from_environment(home.cache / "paragraphs" / str(today()))

    def ask(system: str, question: str) -> str:
        try:
            return asked(system, question)
        except ScenarioError as error:
            raise WriterUnavailable(str(error)) from error

    return Writer(asked.model, ask)
