CREATE TABLE events (id text PRIMARY KEY, type text NOT NULL, body bytea NOT NULL);
CREATE TABLE subscriptions (
    id bigserial PRIMARY KEY, type text NOT NULL, target text NOT NULL, secret text NOT NULL
);
CREATE TABLE deliveries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    event text NOT NULL REFERENCES events,
    subscription bigint NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    attempts integer NOT NULL DEFAULT 0,
    next timestamptz NOT NULL DEFAULT now(),
    done boolean NOT NULL DEFAULT false
);
CREATE FUNCTION add_event(text, text, bytea) RETURNS void LANGUAGE sql AS $$
    INSERT INTO events VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;
    INSERT INTO deliveries (event, subscription) SELECT $1, id FROM subscriptions WHERE type = $2;
$$;
CREATE FUNCTION end_subscription_of(uuid) RETURNS void LANGUAGE sql AS $$
    DELETE FROM subscriptions WHERE id = (SELECT subscription FROM deliveries WHERE id = $1);
$$;
