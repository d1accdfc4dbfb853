DROP FUNCTION end_subscription_of(uuid);
DROP FUNCTION add_event(text, text, bytea);
DROP TABLE deliveries;
DROP TABLE subscriptions;
DROP TABLE events;
