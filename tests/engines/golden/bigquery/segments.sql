WITH `subjects` AS (
  SELECT
    `population`.*,
    CASE
      WHEN `people`.`first_seen_at` <= `population`.`as_of`
      THEN `people`.`first_seen_at`
    END AS `first_seen_at`,
    `people`.`email_domain` AS `email_domain`,
    `people`.`email_kind` AS `email_kind`,
    `people`.`country` AS `country`,
    `people`.`signed_up_at` AS `signed_up_at`,
    `people`.`born_on` AS `born_on`,
    `people`.`local_zone`
  FROM `current_features` AS `population`
  JOIN `people`
    USING (`person_id`)
), `segments_0` AS (
  SELECT
    *,
    COALESCE(
      (
        (
          `orders_30d` > 0
        ) AND (
          NOT (
            `last_product` IS NULL
          )
        )
      ),
      FALSE
    ) AS `segment buyers`,
    COALESCE(
      (
        COALESCE(`signed_up_at`, DATETIME '0001-01-01 00:00:00') > (
          DATETIME_SUB(CAST(`as_of` AS DATETIME), INTERVAL 129600000000 MICROSECOND)
        )
      ),
      FALSE
    ) AS `segment new_here`,
    COALESCE(
      (
        (
          (
            CAST(FLOOR(
              IEEE_DIVIDE((DATETIME_DIFF(NULLIF(NULLIF(CAST(DATE((EXTRACT(year FROM NULLIF(NULLIF(CAST(CAST(DATETIME(TIMESTAMP(CAST(`as_of` AS DATETIME), 'UTC'), `local_zone`) AS DATE) AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) + CASE WHEN EXTRACT(month FROM NULLIF(NULLIF(CAST(`born_on` AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) * 100 + EXTRACT(day FROM NULLIF(NULLIF(CAST(`born_on` AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) < EXTRACT(month FROM NULLIF(NULLIF(CAST(CAST(DATETIME(TIMESTAMP(CAST(`as_of` AS DATETIME), 'UTC'), `local_zone`) AS DATE) AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) * 100 + EXTRACT(day FROM NULLIF(NULLIF(CAST(CAST(DATETIME(TIMESTAMP(CAST(`as_of` AS DATETIME), 'UTC'), `local_zone`) AS DATE) AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) THEN 1 ELSE 0 END), CASE WHEN (EXTRACT(month FROM NULLIF(NULLIF(CAST(`born_on` AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) = 2 AND EXTRACT(day FROM NULLIF(NULLIF(CAST(`born_on` AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) = 29) THEN 3 ELSE EXTRACT(month FROM NULLIF(NULLIF(CAST(`born_on` AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) END, CASE WHEN (EXTRACT(month FROM NULLIF(NULLIF(CAST(`born_on` AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) = 2 AND EXTRACT(day FROM NULLIF(NULLIF(CAST(`born_on` AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) = 29) THEN 1 ELSE EXTRACT(day FROM NULLIF(NULLIF(CAST(`born_on` AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) END) AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999'), DATETIME '1970-01-01 00:00:00', MICROSECOND) - DATETIME_DIFF(NULLIF(NULLIF(CAST(CAST(DATETIME(TIMESTAMP(CAST(`as_of` AS DATETIME), 'UTC'), `local_zone`) AS DATE) AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999'), DATETIME '1970-01-01 00:00:00', MICROSECOND)), 86400000000e0)
            ) AS INT64) - CASE
              WHEN (
                EXTRACT(month FROM NULLIF(NULLIF(CAST(`born_on` AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) = 2
                AND EXTRACT(day FROM NULLIF(NULLIF(CAST(`born_on` AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) = 29
              )
              THEN 1
              ELSE 0
            END
          ) <= 7
        )
        AND (
          EXTRACT(hour FROM NULLIF(NULLIF(CAST(DATETIME(TIMESTAMP(CAST(`as_of` AS DATETIME), 'UTC'), `local_zone`) AS DATETIME), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) >= 9
        )
      ),
      FALSE
    ) AS `segment birthday`,
    CAST(`kind` AS STRING) AS `segment of_kind`
  FROM `subjects`
), `families_0` AS (
  SELECT
    *,
    COALESCE(`segment of_kind` = 'best', FALSE) AS `segment of_kind:best`
  FROM `segments_0`
), `segments_1` AS (
  SELECT
    *,
    COALESCE(
      (
        (
          `left_a_cart` > (
            DATETIME_SUB(CAST((CAST(`as_of` AS DATETIME)) AS DATETIME), INTERVAL 1 MONTH)
          )
        )
        AND (
          NOT `segment buyers`
        )
      ),
      FALSE
    ) AS `segment waiting`,
    COALESCE(
      (
        `segment of_kind:best`
        OR (
          SAFE_CAST(REGEXP_EXTRACT(TRIM(`country`, ' '), '^[+-]?(?:[0-9]{1,30}(?:[.][0-9]{0,30})?|[.][0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?$') AS FLOAT64) > 1
        )
        OR (
          `kind` < 'c'
        )
      ),
      FALSE
    ) AS `segment best_or_big`
  FROM `families_0`
)
SELECT
  *
FROM `segments_1`;
