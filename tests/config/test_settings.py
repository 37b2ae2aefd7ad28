"""What settings.py derives from the environment."""

import os

from celery import Celery

from config.background import celery_redis
from tests.servers import redis_number


def test_celery_uses_the_redis_database_that_the_url_names():
    url = celery_redis(redis_number(os.environ["REDIS_URL"], 3))
    app = Celery(broker=url, backend=url)
    with app.connection_for_write() as connection:
        assert connection.channel().client.connection_pool.connection_kwargs["db"] == 3
    assert app.backend.connparams["db"] == 3


def test_a_redis_on_the_network_is_named_as_it_is():
    assert celery_redis("redis://host:6379/2") == "redis://host:6379/2"
