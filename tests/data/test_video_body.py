from pathlib import Path

import numpy as np
import pytest

from autoencoder.data.sources.pose.pose import Pose
from autoencoder.data.sources.video.animal.body import find_body
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.errors import UserError

BODIES = {
    "mouse, DeepLabCut": ("snout leftear rightear tailbase", "snout", "tailbase"),
    "mouse, top view": (
        "nose left_ear right_ear neck mid_back mouse_center left_hip right_hip tail_base tail1 tail_end",
        "nose",
        "tail_base",
    ),
    "mouse, JABS": ("NOSE LEFT_EAR RIGHT_EAR BASE_NECK CENTER_SPINE BASE_TAIL MID_TAIL TIP_TAIL", "NOSE", "BASE_TAIL"),
    "mouse without a tail base": ("nose lefthip righthip tailtip", "nose", "lefthip righthip"),
    "quadruped": (
        "nose upper_jaw left_eye neck_base back_base back_end back_middle tail_base tail_end",
        "nose",
        "tail_base",
    ),
    "gerbil": ("Nose EarL EarR Trunk TTI Tail_0 TailTip", "Nose", "TTI"),
    "rat": ("Snout|Head|Proximal Tail|Distal Tail", "Snout", "Proximal Tail"),
    "rodent": ("Head|Butt", "Head", "Butt"),
    "fly": ("head eyeL eyeR neck thorax abdomen wingL wingR forelegR1", "head", "abdomen"),
    "fly of two parts": ("thorax head", "head", "thorax"),
    "bee": ("thorax abdomen wingL", "thorax", "abdomen"),
    "fish": ("mouth swim_bladder caudal_fin", "mouth", "caudal_fin"),
    "larva": ("head swim_bladder tail1 tail5 tail_fin", "head", "tail1"),
    "bird": ("beak crown left_wing tail", "beak", "tail"),
    "person, COCO": (
        "nose left_eye right_eye left_shoulder right_shoulder left_hip right_hip left_ankle",
        "nose",
        "left_hip right_hip",
    ),
    "person, OpenPose": ("Nose Neck RShoulder LShoulder MidHip RHip LHip", "Nose", "MidHip"),
    "person, skeleton": ("Pelvis Spine Thorax Neck Head", "Head", "Pelvis"),
    "no head": ("leftear rightear hip_left hip_right", "leftear rightear", "hip_left hip_right"),
    "no order": ("tail_tip tail_base body nose", "nose", "tail_base"),
}


def pose(*parts):
    return Pose(parts, np.zeros((1, len(parts), 2)), np.ones((1, len(parts))), Path("p.csv"))


@pytest.mark.parametrize("body", BODIES)
def test_front_and_back_of_common_bodies(body):
    parts, front, back = BODIES[body]
    track = pose(*(parts.split("|") if "|" in parts else parts.split()))
    found = find_body(track, VideoOptions())
    named = [[track.parts[i] for i in end] for end in (found.front, found.back)]
    assert named == [
        [front] if front in track.parts else front.split(),
        [back] if back in track.parts else back.split(),
    ]
    assert found.center == (*found.front, *found.back)


def test_one_part_has_no_angle_whatever_it_is_called():
    for options in (VideoOptions(), VideoOptions(front="nose", back="nose")):
        found = find_body(pose("nose"), options)
        assert (found.front, found.back, found.center) == ((), (), (0,))
    assert "one body part, 'nose'" in found.describe(pose("nose"), VideoOptions())[0]


def test_parts_without_a_front_and_a_back():
    track = pose("p1", "p2", "p3")
    found = find_body(track, VideoOptions())
    assert not found.has_axis
    assert found.center == ()  # whatever is seen
    (said,) = found.describe(track, VideoOptions())
    assert "name them (--front, --back), from p1, p2, p3" in said
    with pytest.raises(UserError, match=r"which part is the back .*\(--back\) of p1, p2, p3"):
        find_body(track, VideoOptions(front="p1"))
    with pytest.raises(UserError, match="front and back are both 'p1'"):
        find_body(track, VideoOptions(front="p1", back="p1"))
    assert find_body(track, VideoOptions(front="p1", back="p3")).needed == (0, 2)
