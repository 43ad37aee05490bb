"""Quality of what comes in: tracking plans, completeness, freshness, volume, reconciliation."""
