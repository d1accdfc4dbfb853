CREATE TABLE dead_letters (LIKE deliveries, reason text NOT NULL);
CREATE FUNCTION bury_delivery(uuid, text) RETURNS void LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM deliveries WHERE id = $1 RETURNING *)
    INSERT INTO dead_letters SELECT gone.*, $2 FROM gone;
$$;
