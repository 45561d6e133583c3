"""The skin that is seen, with what is painted on the face, and the eyes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.bodies import body_of
from ccreid.synthetic.figure import Part, Surface
from ccreid.synthetic.meshes import Piece, kept
from ccreid.synthetic.parts import Drawn
from ccreid.synthetic.people import Person
from ccreid.synthetic.suit import skin


def face(person: Person, hidden: NDArray[np.bool_]) -> list[Drawn]:
    """Skin that no garment hides, and eyes.

    Parameters
    ----------
    hidden:
        (n,) for the points of :func:`ccreid.synthetic.suit.skin`.
    """
    sheet, body = skin(), body_of(person.build)
    seen = sheet.piece.triangles[~hidden[sheet.piece.triangles].all(axis=1)]
    everything = sparse.csr_array(sparse.eye_array(len(hidden), format="csr", dtype=np.float32))
    piece = kept(Piece(everything, seen))
    points = sheet.piece.mixture @ body.points
    return [
        Drawn(
            np.asarray(piece.mixture @ points, np.float32),
            sparse.csr_array(piece.mixture @ sheet.weights),
            piece.triangles,
            Surface(Part.SKIN, np.array(person.looks.skin, np.float32), gloss=0.15),
        )
    ]
