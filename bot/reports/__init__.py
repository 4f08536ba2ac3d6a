"""Files of reports: the same sections as PDF, workbook and Markdown. No number is computed, no sentence worded here."""
