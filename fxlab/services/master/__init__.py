"""The verb `master`: songs and albums to deliverable masters."""
