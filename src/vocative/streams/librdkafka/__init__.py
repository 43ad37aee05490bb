"""How Vocative uses librdkafka, for `outside/kafka.py`."""
