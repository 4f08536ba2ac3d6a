"""A report as the bytes of a file, by the ending of its name. What each form needs is imported when it is asked for."""

from __future__ import annotations

from bot.wording.document import Report

FORMS = ("pdf", "xlsx", "md")


def made(report: Report, form: str) -> bytes:
    """The report as a file; the same report gives the same bytes.

    Raises
    ------
    ValueError: a form that does not exist.
    """
    if form == "pdf":
        from bot.reports.pdf import pdf

        return pdf(report)
    if form == "xlsx":
        from bot.reports.workbook import workbook

        return workbook(report)
    if form == "md":
        from bot.reports.markdown import markdown

        return markdown(report).encode()
    raise ValueError(f"no report is made as {form!r}; there are {', '.join(FORMS)}")
