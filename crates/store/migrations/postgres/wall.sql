-- The wall between orgs: who stands in for none sees nothing. Made anew at every start, for every
-- table that carries an org, where it does not stand.

DO $$
DECLARE
    name TEXT;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org' AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::REGNAMESPACE
        AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                 AND EXISTS (SELECT 1 FROM pg_policy p
                             WHERE p.polrelid = c.oid AND p.polname = 'of_one_org'))
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('DROP POLICY IF EXISTS of_one_org ON %I', name);
        EXECUTE format('CREATE POLICY of_one_org ON %I '
                       'USING (org = current_setting(''wardroom.org'', TRUE)) '
                       'WITH CHECK (org = current_setting(''wardroom.org'', TRUE))', name);
    END LOOP;
END $$;
