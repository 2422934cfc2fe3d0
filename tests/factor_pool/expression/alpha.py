"""The features of Qlib's Alpha158, and money-flow features of the same kind."""

_KBAR = (
    "($close-$open)/$open",
    "($high-$low)/$open",
    "($close-$open)/($high-$low+1e-12)",
    "($high-Greater($open, $close))/$open",
    "($high-Greater($open, $close))/($high-$low+1e-12)",
    "(Less($open, $close)-$low)/$open",
    "(Less($open, $close)-$low)/($high-$low+1e-12)",
    "(2*$close-$high-$low)/$open",
    "(2*$close-$high-$low)/($high-$low+1e-12)",
    "$open/$close",
    "$high/$close",
    "$low/$close",
)
_ROLLING = (
    "Ref($close, N)/$close",
    "Mean($close, N)/$close",
    "Std($close, N)/$close",
    "Slope($close, N)/$close",
    "Rsquare($close, N)",
    "Resi($close, N)/$close",
    "Max($high, N)/$close",
    "Min($low, N)/$close",
    "Quantile($close, N, 0.8)/$close",
    "Quantile($close, N, 0.2)/$close",
    "Rank($close, N)",
    "($close-Min($low, N))/(Max($high, N)-Min($low, N)+1e-12)",
    "IdxMax($high, N)/N",
    "IdxMin($low, N)/N",
    "(IdxMax($high, N)-IdxMin($low, N))/N",
    "Corr($close, Log($volume+1), N)",
    "Corr($close/Ref($close, 1), Log($volume/Ref($volume, 1)+1), N)",
    "Mean($close>Ref($close, 1), N)",
    "Mean($close<Ref($close, 1), N)",
    "Mean($close>Ref($close, 1), N)-Mean($close<Ref($close, 1), N)",
    "Sum(Greater($close-Ref($close, 1), 0), N)/(Sum(Abs($close-Ref($close, 1)), N)+1e-12)",
    "Sum(Greater(Ref($close, 1)-$close, 0), N)/(Sum(Abs($close-Ref($close, 1)), N)+1e-12)",
    "(Sum(Greater($close-Ref($close, 1), 0), N)-Sum(Greater(Ref($close, 1)-$close, 0), N))"
    "/(Sum(Abs($close-Ref($close, 1)), N)+1e-12)",
    "Mean($volume, N)/($volume+1e-12)",
    "Std($volume, N)/($volume+1e-12)",
    "Std(Abs($close/Ref($close, 1)-1)*$volume, N)"
    "/(Mean(Abs($close/Ref($close, 1)-1)*$volume, N)+1e-12)",
    "Sum(Greater($volume-Ref($volume, 1), 0), N)/(Sum(Abs($volume-Ref($volume, 1)), N)+1e-12)",
    "Sum(Greater(Ref($volume, 1)-$volume, 0), N)/(Sum(Abs($volume-Ref($volume, 1)), N)+1e-12)",
    "(Sum(Greater($volume-Ref($volume, 1), 0), N)-Sum(Greater(Ref($volume, 1)-$volume, 0), N))"
    "/(Sum(Abs($volume-Ref($volume, 1)), N)+1e-12)",
)
_FLOW = (
    "$net_inflow/$volume",
    "Mean($net_inflow, N)/Mean($volume, N)",
    "Mean($net_inflow/$volume, N)",
    "Std($net_inflow/$volume, N)",
    "Corr($net_inflow, $close, N)",
    "Sum(Greater($net_inflow, 0), N)/(Sum(Abs($net_inflow), N)+1e-12)",
    "Rank($net_inflow, N)",
    "Mean($net_inflow>0, N)",
)
WINDOWS = (5, 10, 20, 30, 60)


def features(volume: str = "volume", flow: bool = False) -> list[str]:
    """Texts of the features, with the field that stands for `$volume`."""
    templates = _KBAR + _ROLLING + (_FLOW if flow else ())
    texts = [text.replace("N", str(n)) for text in templates for n in _windows(text)]
    return [text.replace("$volume", f"${volume}") for text in texts]


def _windows(text: str) -> tuple[int, ...]:
    return WINDOWS if "N)" in text or "N," in text else (0,)
