"""The PostgreSQL that tests may use."""

import os

URL = os.environ.get("VOCATIVE_TEST_POSTGRES")
