"""What invokes functions besides requests: schedules and queues."""
