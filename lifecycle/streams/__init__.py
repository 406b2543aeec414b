"""The only place that knows faust and Kafka."""
