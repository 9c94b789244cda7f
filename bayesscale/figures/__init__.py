"""Pictures of answers; the only place that touches Matplotlib."""
