"""`python -m bayesscale` is the command line, for programs such as torchrun that start modules."""

from bayesscale.cli.main import main

if __name__ == "__main__":
    main()
