"""What a user asks of a fit: a question a file, or a folder where it needs several."""

from bayesscale.questions.forecast import Forecast, forecast
from bayesscale.questions.picture import picture
from bayesscale.questions.summary import Summary, summary

__all__ = ["Forecast", "Summary", "forecast", "picture", "summary"]
