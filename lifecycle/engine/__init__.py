"""The spine: gather, decide, commit. The only room where rules and store meet; knows no Kafka."""
