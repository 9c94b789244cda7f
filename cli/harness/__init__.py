"""Commands of `bayesscale harness`, one a file."""
