"""The report: all answers of a fit on one self-contained page of HTML."""

from bayesscale.report.page import render, write_report

__all__ = ["render", "write_report"]
