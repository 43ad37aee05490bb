WITH "subjects" AS (
  SELECT
    "population".*,
    CASE
      WHEN "people"."first_seen_at" <= "population"."as_of"
      THEN "people"."first_seen_at"
    END AS "first_seen_at",
    "people"."email_domain" AS "email_domain",
    "people"."email_kind" AS "email_kind",
    "people"."country" AS "country",
    "people"."signed_up_at" AS "signed_up_at",
    "people"."born_on" AS "born_on",
    "people"."local_zone"
  FROM "current_features" AS "population"
  JOIN "people"
    USING ("person_id")
), "segments_0" AS (
  SELECT
    *,
    COALESCE(
      (
        (
          "orders_30d" > 0
        ) AND (
          NOT (
            "last_product" IS NULL
          )
        )
      ),
      FALSE
    ) AS "segment buyers",
    COALESCE(
      (
        COALESCE("signed_up_at", CAST('0001-01-01 00:00:00' AS TIMESTAMP)) > (
          CAST("as_of" AS TIMESTAMP) - INTERVAL '129600000000 MICROSECOND'
        )
      ),
      FALSE
    ) AS "segment new_here",
    COALESCE(
      (
        (
          (
            CAST(FLOOR(
              f_divided((f_micros(NULLIF(NULLIF(CAST(TO_DATE((CAST(FLOOR(EXTRACT(year FROM NULLIF(NULLIF(CAST(CAST(f_wall_clock("local_zone", CAST("as_of" AS TIMESTAMP)) AS DATE) AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) + CASE WHEN CAST(FLOOR(EXTRACT(month FROM NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) * 100 + CAST(FLOOR(EXTRACT(day FROM NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) < CAST(FLOOR(EXTRACT(month FROM NULLIF(NULLIF(CAST(CAST(f_wall_clock("local_zone", CAST("as_of" AS TIMESTAMP)) AS DATE) AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) * 100 + CAST(FLOOR(EXTRACT(day FROM NULLIF(NULLIF(CAST(CAST(f_wall_clock("local_zone", CAST("as_of" AS TIMESTAMP)) AS DATE) AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) THEN 1 ELSE 0 END) || '-' || CASE WHEN (CAST(FLOOR(EXTRACT(month FROM NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) = 2 AND CAST(FLOOR(EXTRACT(day FROM NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) = 29) THEN 3 ELSE CAST(FLOOR(EXTRACT(month FROM NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) END || '-' || CASE WHEN (CAST(FLOOR(EXTRACT(month FROM NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) = 2 AND CAST(FLOOR(EXTRACT(day FROM NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) = 29) THEN 1 ELSE CAST(FLOOR(EXTRACT(day FROM NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) END, 'YYYY-MM-DD') AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP))) - f_micros(NULLIF(NULLIF(CAST(CAST(f_wall_clock("local_zone", CAST("as_of" AS TIMESTAMP)) AS DATE) AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))), CAST(86400000000e0 AS DOUBLE PRECISION))
            ) AS BIGINT) - CASE
              WHEN (
                CAST(FLOOR(EXTRACT(month FROM NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) = 2
                AND CAST(FLOOR(EXTRACT(day FROM NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) = 29
              )
              THEN 1
              ELSE 0
            END
          ) <= 7
        )
        AND (
          CAST(FLOOR(EXTRACT(hour FROM NULLIF(NULLIF(CAST(f_wall_clock("local_zone", CAST("as_of" AS TIMESTAMP)) AS TIMESTAMP), CAST('0001-01-01 00:00:00' AS TIMESTAMP)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)))) AS BIGINT) >= 9
        )
      ),
      FALSE
    ) AS "segment birthday",
    CAST("kind" AS VARCHAR(65535)) AS "segment of_kind"
  FROM "subjects"
), "families_0" AS (
  SELECT
    *,
    COALESCE("segment of_kind" = 'best', FALSE) AS "segment of_kind:best"
  FROM "segments_0"
), "segments_1" AS (
  SELECT
    *,
    COALESCE(
      (
        (
          "left_a_cart" > (
            CAST((CAST("as_of" AS TIMESTAMP)) AS TIMESTAMP) - INTERVAL '1 MONTH'
          )
        )
        AND (
          NOT "segment buyers"
        )
      ),
      FALSE
    ) AS "segment waiting",
    COALESCE(
      (
        "segment of_kind:best"
        OR (
          CAST(NULLIF(REGEXP_SUBSTR(BTRIM("country", ' '), '^[+-]?([0-9]{1,30}([.][0-9]{0,30})?|[.][0-9]{1,30})([eE][+-]?[0-9]{1,2})?$'), '') AS DOUBLE PRECISION) > 1
        )
        OR (
          "kind" < 'c'
        )
      ),
      FALSE
    ) AS "segment best_or_big"
  FROM "families_0"
)
SELECT
  *
FROM "segments_1";
