"""The form in which a tower trains: the same function with the same gradients, and afterwards the tower as it was."""

import torch
from torch import nn

from modeling_rali import RaliModel
from modeling_rali.alignment.tower import training_form


def gradients(model: RaliModel, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
    """The embeddings, and the gradients of their mean square."""
    model.zero_grad()
    embeds, _ = model.get_image_features(pixels)
    embeds.square().mean().backward()
    trained = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    return {"embeds": embeds.detach(), **trained}


def test_batch_norms_done_to_the_weights_change_neither_embeddings_nor_gradients(tiny_efficientnet: RaliModel) -> None:
    model = tiny_efficientnet.double().eval()
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:  # as after a training: none of them does nothing
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.normal_(norm.bias)
        norm.running_mean = torch.randn_like(norm.weight)
        norm.running_var = torch.rand_like(norm.weight) + 0.5
    pixels = torch.randn(3, 3, 64, 64, dtype=torch.float64)
    expected = gradients(model, pixels)
    with training_form(model.vision_model):
        assert all("forward" in vars(norm) for norm in norms)
        found = gradients(model, pixels)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12, msg=name)
    assert not any("forward" in vars(module) for module in model.modules())
    torch.testing.assert_close(gradients(model, pixels)["embeds"], expected["embeds"], rtol=1e-9, atol=1e-12)
