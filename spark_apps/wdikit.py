"""World Development Indicators as our jobs know them: which indicators, and who is no country."""

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

ROWS = "yard.trusted.wdi_land"
MEANS = "yard.refined.wdi_means"
IDS = {"Country Name": "country", "Country Code": "country_code", "Indicator Name": "indicator", "Indicator Code": "indicator_code"}
FIRST, LAST = 1960, 2100  # years that a file may have

INDICATORS: Mapping[str, str] = {
    "SP.DYN.LE00.IN": "life_expectancy",
    "SP.DYN.LE00.FE.IN": "life_expectancy_female",
    "SP.DYN.LE00.MA.IN": "life_expectancy_male",
    "SP.DYN.AMRT.FE": "adult_mortality_female",
    "SP.DYN.AMRT.MA": "adult_mortality_male",
    "SH.DTH.IMRT": "infant_deaths",
}

# The files mix countries with regions, incomes and loans; these codes are not countries.
AGGREGATES = (
    "AFE AFW ARB CEB CSS EAP EAR EAS ECA ECS EMU EUU FCS HIC HPC IBD IBT IDA IDB IDX INX LAC LCN LDC LIC LMC LMY LTE MEA MIC MNA NAC OED "
    "OSS PRE PSS PST SAS SSA SSF SST TEA TEC TLA TMN TSA TSS UMC WLD"
)


def is_aggregate() -> Column:
    return F.col("country_code").isin(AGGREGATES.split())
