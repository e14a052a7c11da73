"""What a sample says, as arrays of few shapes: the components of both objectives, and the sizes that set their noise."""

from typing import NamedTuple

from jaxtyping import Array, Float

from phasejax.diagnosis.spectrum import Components, Moments, components_ca, components_cp


class Sizes(NamedTuple):
    """Numbers of (independent) pairs, all and labelled, of kept and original dimensions, and of label columns, as floats."""

    n: Float[Array, ""]
    n_labelled: Float[Array, ""]
    r_x: Float[Array, ""]
    r_y: Float[Array, ""]
    d_x: Float[Array, ""]
    d_y: Float[Array, ""]
    columns: Float[Array, ""]

    def swap(self) -> "Sizes":
        return self._replace(r_x=self.r_y, r_y=self.r_x, d_x=self.d_y, d_y=self.d_x)


class Evidence(NamedTuple):
    """Components of CA and of CP from x to y, and the sizes."""

    ca: Components
    cp: Components
    sizes: Sizes


def both_directions(m: Moments, sizes: Sizes) -> tuple[Evidence, Evidence]:
    """The evidence with x as the source, and with y as the source. CA is the same seen from the other side."""
    ca, cp, reverse = components_ca(m), components_cp(m), components_cp(m.swap())
    mirrored = ca._replace(loading_x=ca.loading_y, loading_y=ca.loading_x, variance_x=ca.variance_y, variance_y=ca.variance_x)
    return Evidence(ca, cp, sizes), Evidence(mirrored, reverse, sizes.swap())
