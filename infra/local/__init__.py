"""The local stack: Kafka, Postgres, the Spark job and the Ray host, without containers.

from infra.local import stack
with stack.running(tmp_path) as settings:       # Postgres and Kafka of their own, ended after
    settings.database, settings.kafka           # postgresql://…@127.0.0.1:…/shelfcast, host:port
settings = stack.up(load_settings())            # the whole stack; starts only what is dead
stack.down(settings)                            # ends what `up` started; data stay in home
"""
