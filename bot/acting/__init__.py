"""What people do, applied once and audited: clicks, forms, covers, drills. May not know Slack."""
