"""`evaluate` module of the correlations of image quality assessment, over `modeling_rali.metrics`.

One module rather than one a measure: the field always reports them together, on the same pairs, and the two measures after the
logistic mapping belong beside those before it. It holds no arithmetic of its own.
"""

from typing import Literal

import datasets
import evaluate

from modeling_rali.metrics import krcc, plcc, plcc_logistic, rmse, rmse_logistic, srcc

_DESCRIPTION = """\
Agreement of predicted image quality with mean opinion scores: Spearman's (SRCC), Pearson's (PLCC) and Kendall's (KRCC)
correlation and the root mean square error, PLCC and RMSE also after the logistic mapping of VQEG.
"""

_INPUTS = """\
Args:
    predictions (list of float): the model's score of every image.
    references (list of float): the (D)MOS of the same images.
    parameters (int): of the logistic mapping, 4 (monotone, VQEG 2000; the default) or 5 (Sheikh et al. 2006).
Returns:
    dict of float: srcc, plcc and krcc in [-1, 1]; plcc_logistic in [0, 1]; rmse and rmse_logistic >= 0 in units of the MOS
    (rmse means something only where predictions are on the scale of the MOS).
Raises:
    ValueError: NaN or infinite scores, constant scores, or too few images; nothing is left out or set to 0.
"""

_CITATION = """\
@techreport{vqeg2000,
    title = {Final Report from the Video Quality Experts Group on the Validation of Objective Models of Video Quality
             Assessment, Phase {I}},
    institution = {Video Quality Experts Group},
    year = {2000}
}
@article{sheikh2006statistical,
    title = {A Statistical Evaluation of Recent Full Reference Image Quality Assessment Algorithms},
    author = {Sheikh, Hamid R. and Sabir, Muhammad F. and Bovik, Alan C.},
    journal = {IEEE Transactions on Image Processing},
    volume = {15},
    number = {11},
    pages = {3440--3451},
    year = {2006}
}
"""


class IqaCorrelation(evaluate.Metric):
    """SRCC, PLCC, KRCC and RMSE of a quality model, with and without the logistic mapping."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(
                {"predictions": datasets.Value("float64"), "references": datasets.Value("float64")}
            ),
        )

    def _compute(
        self, predictions: list[float], references: list[float], parameters: Literal[4, 5] = 4
    ) -> dict[str, float]:
        return {
            "srcc": srcc(predictions, references),
            "plcc": plcc(predictions, references),
            "krcc": krcc(predictions, references),
            "rmse": rmse(predictions, references),
            "plcc_logistic": plcc_logistic(predictions, references, parameters),
            "rmse_logistic": rmse_logistic(predictions, references, parameters),
        }
