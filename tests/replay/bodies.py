"""Bodies in the shapes of the upstreams, of an invented market: same session, same bodies."""

import datetime
import random
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

INDUSTRIES = ("通信设备", "房地产开发", "非金属材料", "半导体", "小金属", "影视院线")
CONCEPTS = ("MLCC概念", "减肥药", "租售同权", "青蒿素", "星闪概念")
NAMES = (
    "甲一股份",
    "乙二科技",
    "丙三电子",
    "丁四材料",
    "戊五医药",
    "己六  Ａ",
    "庚七智能",
    "辛八重工",
)
_PREFIXES = ("600", "002", "300", "688", "603", "000", "301", "920")
Body = dict[str, object] | str
Query = Mapping[str, str]


def codes() -> tuple[str, ...]:
    """Codes of the eight stocks, one for each kind of board."""
    return tuple(f"{prefix}{101 + 7 * at}" for at, prefix in enumerate(_PREFIXES))


def _rng(session: datetime.date, of: str) -> random.Random:
    return random.Random(f"{session}{of}")


def _stock(session: datetime.date, at: int, of: str, shift: str) -> dict[str, object]:
    """What every pool tells of a stock, in the pools' own names and order."""
    rng, code = _rng(session, f"{of}{at}"), codes()[at]
    limit = Decimal("0.3" if code[0] == "9" else "0.2" if code[:2] in ("30", "68") else "0.1")
    before = Decimal(rng.randrange(300, 9_000)) / 100
    top = (before * (1 + limit)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    floor = (before * (1 - limit)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    middle = (before * Decimal(rng.uniform(0.99, 1.01))).quantize(Decimal("0.01"))
    price = {"up": top, "down": floor, "": middle}[shift]
    float_value = rng.randrange(2_000_000_000, 60_000_000_000)
    turnover_rate = rng.uniform(1, 20)
    return {
        "c": code, "m": 0, "n": NAMES[at], "p": int(price * 1000), "ztp": int(top * 1000),
        "zdp": float((price / before - 1) * 100), "amount": int(float_value * turnover_rate / 100),
        "ltsz": float(float_value), "tshare": float(int(float_value * rng.uniform(1, 2))),
        "hs": turnover_rate, "hybk": INDUSTRIES[at % len(INDUSTRIES)][:4],
        "zttj": {"days": 2 + at, "ct": 1 + at % 3},
    }  # fmt: skip


def _only(row: dict[str, object], names: str, **more: object) -> dict[str, object]:
    return {name: {**row, **more}[name] for name in names.split()}


def _pool(session: datetime.date, rows: list[dict[str, object]]) -> Body:
    qdate = int(session.strftime("%Y%m%d"))
    return {"rc": 0, "rt": 1, "data": {"tc": len(rows), "qdate": qdate, "pool": rows}}


def limit_up(session: datetime.date, query: Query) -> Body:
    order = "c m n p zdp amount ltsz tshare hs lbc fbt lbt fund zbc hybk zttj"
    rows = []
    for at in range(6):
        rng = _rng(session, f"sealed{at}")
        breaks = rng.choice((0, 0, 3))
        rows.append(_only(
            _stock(session, at, "up", "up"), order, lbc=1 + at % 3, fbt=92500 + at,
            lbt=102003 if breaks else 92500 + at, fund=rng.randrange(10**7, 5 * 10**8), zbc=breaks,
        ))  # fmt: skip
    return _pool(session, rows)


def limit_up_previous(session: datetime.date, query: Query) -> Body:
    order = "c m n p ztp zdp amount ltsz tshare hs zf zs yfbt ylbc hybk zttj"
    rows = [
        _only(_stock(session, at, "previous", ""), order, zf=4.5 + at, zs=0.1 * at,
              yfbt=93000 + at, ylbc=1 + at % 2)
        for at in range(5)
    ]  # fmt: skip
    return _pool(session, rows)


def strong(session: datetime.date, query: Query) -> Body:
    order = "c m n p ztp ztf zdp amount ltsz tshare hs nh cc lb zs zttj hybk"
    rows = [
        _only(_stock(session, at, "strong", "up"), order, ztf=10, nh=at % 2, cc=1 + at % 3,
              lb=1.5 + at, zs=0.2)
        for at in range(5)
    ]  # fmt: skip
    return _pool(session, rows)


def broken(session: datetime.date, query: Query) -> Body:
    order = "c m n p ztp zdp amount ltsz tshare hs fbt zbc zf zs zttj hybk"
    rows = [
        _only(_stock(session, at, "broken", ""), order, fbt=93100 + at, zbc=1 + at, zf=11.0, zs=0.0)
        for at in range(6, 8)
    ]
    return _pool(session, rows)


def limit_down(session: datetime.date, query: Query) -> Body:
    order = "c m n p zdp amount ltsz tshare pe hs fund lbt fba days oc hybk"
    rows = [
        _only(_stock(session, at, "down", "down"), order, pe=-12.5, fund=5_000_000 + at, lbt=145800,
              fba=30_000_000, days=1 + at % 2, oc=at)
        for at in range(3)
    ]  # fmt: skip
    return _pool(session, rows)


def _stamp(session: datetime.date) -> int:
    close = datetime.datetime.combine(session, datetime.time(15), ZoneInfo("Asia/Shanghai"))
    return int(close.timestamp())


def _list(rows: list[dict[str, object]], query: Query) -> Body:
    page, size = int(query.get("pn", "1")), int(query.get("pz", "100"))
    return {"rc": 0, "data": {"total": len(rows), "diff": rows[(page - 1) * size : page * size]}}


def _boards(query: Query) -> tuple[str, ...]:
    return CONCEPTS if "t:3" in query["fs"] else INDUSTRIES


def board_code(name: str) -> str:
    """The board's code."""
    return f"BK{1000 + [*INDUSTRIES, *CONCEPTS].index(name):04d}"


def _flows(rng: random.Random) -> tuple[float, dict[str, float]]:
    """Turnover in yuan, and the net of each size of order; they add up to nothing."""
    turnover = rng.uniform(5e9, 4e10)
    nets = {name: round(turnover * rng.uniform(-0.05, 0.05)) for name in ("f66", "f72", "f78")}
    nets["f84"] = -sum(nets.values())
    nets["f62"] = nets["f66"] + nets["f72"]
    return turnover, nets


def _flow_row(session: datetime.date, at: int, name: str) -> dict[str, object]:
    turnover, nets = _flows(_rng(session, f"flow{name}"))
    shares = {key: round(net / turnover * 100, 2) for key, net in nets.items()}
    return {
        "f2": 1000.5 + at, "f3": 1.2 - at, "f12": board_code(name), "f14": name,
        "f62": nets["f62"], "f66": nets["f66"], "f69": shares["f66"], "f72": nets["f72"],
        "f75": shares["f72"], "f78": nets["f78"], "f81": shares["f78"], "f84": nets["f84"],
        "f87": shares["f84"], "f124": _stamp(session), "f184": shares["f62"],
        "f204": NAMES[at], "f205": codes()[at], "f206": 0,
    }  # fmt: skip


def _quote(session: datetime.date, name: str) -> dict[str, object]:
    rng = _rng(session, f"quote{name}")
    before = round(rng.uniform(500, 9000), 2)
    close = round(before * rng.uniform(0.95, 1.05), 2)
    return {
        "f2": close, "f3": round((close / before - 1) * 100, 2), "f4": round(close - before, 2),
        "f5": rng.randrange(10**6, 10**7), "f6": float(rng.randrange(10**9, 10**10)),
        "f8": round(rng.uniform(0.2, 9), 2),
        "f15": round(max(before, close) * 1.01, 2), "f16": round(min(before, close) * 0.99, 2),
        "f17": before, "f18": before, "f20": rng.randrange(10**10, 10**12),
        "f104": rng.randrange(1, 60), "f105": rng.randrange(1, 60), "f124": _stamp(session),
        "f128": NAMES[0], "f136": 10.01, "f12": board_code(name), "f14": name,
    }  # fmt: skip


_INDUSTRY_ORDER = (*range(1, 19), 20, 21, 22, 23, 24, 25, 26, 33, 62, 104, 105, 107,
                   115, 124, 128, 140, 141, 136, 152, 207, 208, 209, 222)  # fmt: skip
_CONCEPT_ORDER = (2, 3, 4, 8, 11, 12, 14, 15, 16, 17, 18, 20, 21, 22, 24, 25, 33, 62, 104, 105, 107,
                  124, 128, 140, 141, 136)  # fmt: skip
_MEMBER_ORDER = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24,
                 25, 45, 62, 115, 128, 140, 141, 136, 152)  # fmt: skip


def _fields(row: dict[str, object], order: tuple[int, ...]) -> dict[str, object]:
    return {f"f{at}": row.get(f"f{at}", 0) for at in order}


def _member(session: datetime.date, at: int) -> dict[str, object]:
    rng = _rng(session, f"member{at}")
    before = round(rng.uniform(5, 90), 2)
    close = round(before * 1.01, 2)
    volume, value = rng.randrange(10**4, 10**6), rng.randrange(10**9, 10**11)
    return {
        "f2": close, "f3": round((close / before - 1) * 100, 2), "f4": round(close - before, 2),
        "f5": volume, "f6": volume * before * 100, "f7": 3.0, "f8": 2.0, "f9": 20.0, "f10": 1.1,
        "f12": codes()[at], "f14": NAMES[at], "f15": round(before * 1.02, 2),
        "f16": round(before * 0.98, 2), "f17": before, "f18": before, "f20": 2 * value,
        "f21": value, "f23": 2.5,
    }  # fmt: skip


def lists(session: datetime.date, query: Query) -> Body:
    """Every list: flow ranks, boards, members; they differ in what they ask for."""
    wanted = query["fields"]
    if query["fs"].startswith("m:0"):
        order = tuple(at for at in _MEMBER_ORDER if at != 45)
        return _list([_fields(_member(session, at), order) for at in range(8)], query)
    if query["fs"].startswith("b:"):
        board = int(query["fs"][4:8])
        members = [at for at in range(8) if (at + board) % 3]
        return _list([_fields(_member(session, at), _MEMBER_ORDER) for at in members], query)
    boards = _boards(query)
    if "f184" in wanted:
        return _list([_flow_row(session, at, name) for at, name in enumerate(boards)], query)
    if wanted == "f3,f12,f13,f14,f62":
        rows = [{"f3": 1.0, "f12": board_code(n), "f13": 90, "f14": n, "f62": 1.0} for n in boards]
        return _list(rows, query)
    order = _CONCEPT_ORDER if boards is CONCEPTS else _INDUSTRY_ORDER
    return _list([_fields(_quote(session, name), order) for name in boards], query)


def _last_sessions(session: datetime.date, count: int) -> list[datetime.date]:
    days: list[datetime.date] = []
    day = session
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day -= datetime.timedelta(1)
    return days[::-1]


def flow_history(session: datetime.date, query: Query) -> Body:
    lines = []
    for day in _last_sessions(session, 5):
        turnover, nets = _flows(_rng(day, query["secid"]))
        order = [nets[name] for name in ("f62", "f84", "f78", "f72", "f66")]
        shares = [f"{net / turnover * 100:.2f}" for net in order]
        lines.append(",".join([str(day), *(f"{net:.1f}" for net in order), *shares,
                               "1000.5", "1.2", "0.00", "0.00"]))  # fmt: skip
    return {"rc": 0, "data": {"code": query["secid"][3:], "klines": lines}}


def quote_history(session: datetime.date, query: Query) -> Body:
    lines, before = [], 1000.0
    for day in _last_sessions(session, 5):
        rng = _rng(day, query["secid"])
        open_, close = round(before * 1.004, 2), round(before * rng.uniform(0.96, 1.05), 2)
        high, low = round(max(open_, close) * 1.01, 2), round(min(open_, close) * 0.99, 2)
        volume = rng.randrange(10**6, 10**7)
        lines.append(
            f"{day},{open_},{close},{high},{low},{volume},{volume * 1500.0},"
            f"{(high - low) / before * 100:.2f},{(close / before - 1) * 100:.2f},"
            f"{close - before:.2f},1.5"
        )
        before = close
    return {"rc": 0, "data": {"code": query["secid"][3:], "klines": lines}}


def minutes(session: datetime.date, query: Query) -> Body:
    rng = _rng(session, query["secid"])
    before = round(rng.uniform(5, 90), 2)
    lines = []
    for at, minute in enumerate([*range(15, 26), 30, 31]):
        price = round(before * (1.02 + at / 1000), 2)
        volume = 0 if minute < 25 else 1200 + at
        lines.append(
            f"{session} 09:{minute:02d},{price},{price},{price},{price},{volume},"
            f"{volume * price * 100:.2f},{price:.3f}"
        )
    return {"rc": 0, "data": {"code": query["secid"][2:], "preClose": before, "trends": lines}}


def _listed(session: datetime.date, at: int) -> dict[str, object]:
    rng = _rng(session, f"lhb{at}")
    buy, sell = rng.randrange(10**7, 10**9) + 0.25, rng.randrange(10**7, 10**9) + 0.5
    total = int(2.5 * (buy + sell))
    return {
        "SECURITY_CODE": codes()[at], "SECUCODE": f"{codes()[at]}.SZ",
        "SECURITY_NAME_ABBR": NAMES[at], "TRADE_DATE": f"{session} 00:00:00", "EXPLAIN": "主力买入",
        "CLOSE_PRICE": 12.5 + at, "CHANGE_RATE": 9.98, "BILLBOARD_NET_AMT": buy - sell,
        "BILLBOARD_BUY_AMT": buy, "BILLBOARD_SELL_AMT": sell, "BILLBOARD_DEAL_AMT": buy + sell,
        "ACCUM_AMOUNT": total, "DEAL_NET_RATIO": (buy - sell) / total * 100,
        "DEAL_AMOUNT_RATIO": (buy + sell) / total * 100, "TURNOVERRATE": 12.5,
        "FREE_MARKET_CAP": total * 8.0, "EXPLANATION": "日涨幅偏离值达到7%的前5只证券",
        "D1_CLOSE_ADJCHRATE": 3.3, "D2_CLOSE_ADJCHRATE": None, "D5_CLOSE_ADJCHRATE": None,
        "D10_CLOSE_ADJCHRATE": None, "SECURITY_TYPE_CODE": "058001001",
    }  # fmt: skip


def _institutions(session: datetime.date, at: int) -> dict[str, object]:
    rng = _rng(session, f"institutions{at}")
    buy, sell = float(rng.randrange(10**6, 10**8)), float(rng.randrange(10**6, 10**8))
    total = 3 * (buy + sell)
    later = ("D1", "D2", "D3", "D5", "D10")
    return {
        "SECUCODE": f"{codes()[at]}.SZ", "SECURITY_NAME_ABBR": NAMES[at],
        "SECURITY_CODE": codes()[at], "TRADE_DATE": f"{session} 00:00:00", "CLOSE_PRICE": 12.5,
        "CHANGE_RATE": 9.98, "BUY_TIMES": 1 + at, "SELL_TIMES": 2, "BUY_AMT": buy, "SELL_AMT": sell,
        "NET_BUY_AMT": buy - sell, "ACCUM_AMOUNT": total, "RATIO": (buy - sell) / total * 100,
        "TURNOVERRATE": 12.5, "FREECAP": 85.5, "EXPLANATION": "日涨幅偏离值达到7%的前5只证券",
        **{f"{name}_CLOSE_ADJCHRATE": None for name in later}, "MARKET": "深交所",
        "SECURITY_TYPE_CODE": "058001001", "TRADE_ID": 1, "DATE_TYPE": 1,
    }  # fmt: skip


def _seat(session: datetime.date, at: int, rank: int, side: str) -> dict[str, object]:
    rng = _rng(session, f"seat{at}{rank}{side}")
    buy, sell = float(rng.randrange(10**6, 10**8)), float(rng.randrange(10**5, 10**7))
    name = "机构专用" if rank < 2 else f"某某证券股份有限公司第{rank}营业部"
    return {
        "SECURITY_CODE": codes()[at], "TRADE_DATE": f"{session} 00:00:00",
        "OPERATEDEPT_CODE": "0" if rank < 2 else f"1000{rank}", "OPERATEDEPT_NAME": name,
        "EXPLANATION": "日涨幅偏离值达到7%的前5只证券", "BUY": buy, "SELL": sell, "NET": buy - sell,
        "TOTAL_BUYRIO": 3.5, "TOTAL_SELLRIO": 0.4, "TRADE_ID": 7,
    }  # fmt: skip


def datacenter(session: datetime.date, query: Query) -> Body:
    report = query["reportName"]
    if report == "RPT_DAILYBILLBOARD_DETAILSNEW":
        rows = [_listed(session, at) for at in range(4)]
    elif report == "RPT_ORGANIZATION_TRADE_DETAILS":
        rows = [_institutions(session, at) for at in range(2)]
    else:
        side = report.removeprefix("RPT_BILLBOARD_DAILYDETAILS")
        rows = [_seat(session, at, rank, side) for at in range(4) for rank in range(5)]
    size = int(query["pageSize"])
    start = (int(query["pageNumber"]) - 1) * size
    pages = -(-len(rows) // size)
    result = {"pages": pages, "data": rows[start : start + size], "count": len(rows)}
    return {"version": "1", "result": result, "success": True, "code": 0}


def news(session: datetime.date, query: Query) -> Body:
    rows = [
        {
            "date": f"{session} 0{8 - at}:30:00", "image": "", "code": f"2026{at}",
            "title": f"(<em>公司</em>)第{at}条：签订重大合同", "content": "内容\u3000如下",
            "mediaName": "某报", "url": "http://example.invalid/",
        }
        for at in range(3)
    ]  # fmt: skip
    return {"code": 0, "hitsTotal": 3, "result": {"cmsArticleWebOld": rows}}


def ths_pool(session: datetime.date, query: Query) -> Body:
    rows = []
    for at in range(6):
        stock = _stock(session, at, "up", "up")
        first = _stamp(session) - 5 * 3600 + at
        rows.append({
            "code": stock["c"], "name": stock["n"], "latest": int(str(stock["p"])) / 1000,
            "change_rate": stock["zdp"], "currency_value": stock["ltsz"],
            "turnover_rate": stock["hs"], "order_amount": 5_000_000.0 + at,
            "open_num": 2 if at % 2 else None,
            "first_limit_up_time": str(first), "last_limit_up_time": str(first + 60 * (at % 2)),
            "high_days": "首板" if at % 3 == 0 else f"{at % 3 + 1}天{at % 3 + 1}板",
            "high_days_value": (at % 3 + 1) * 65537, "reason_type": "算力+液冷",
            "limit_up_type": "换手板", "is_again_limit": 0, "is_new": 0, "market_id": 33,
            "change_tag": "LIMIT_BACK",
        })  # fmt: skip
    day = session.strftime("%Y%m%d")
    page = {"limit": 200, "total": len(rows), "count": 1, "page": int(query.get("page", "1"))}
    return {
        "status_code": 0,
        "status_msg": "success",
        "data": {"page": page, "info": rows, "date": day},
    }


def _flow_cells(session: datetime.date, at: int, name: str) -> list[str]:
    rng = _rng(session, f"ths{name}")
    inflow, outflow = rng.randrange(1000, 50000), rng.randrange(1000, 50000)
    if at < 2:  # some board loses and some board gains, as on any day
        inflow, outflow = sorted((inflow, outflow + 100), reverse=bool(at))
    return [
        str(at + 1), name, f"{rng.uniform(900, 3000):.2f}", f"{rng.uniform(-4, 4):.2f}%",
        f"{inflow / 100:.2f}", f"{outflow / 100:.2f}", f"{(inflow - outflow) / 100:.2f}",
        str(rng.randrange(10, 200)), NAMES[at], f"{rng.uniform(0, 10):.2f}%",
        f"{rng.uniform(3, 90):.2f}",
    ]  # fmt: skip


FLOW_HEADER = ("序号", "行业", "行业指数", "涨跌幅", "流入资金(亿)", "流出资金(亿)", "净额(亿)",
               "公司家数", "领涨股", "涨跌幅.1", "当前价(元)")  # fmt: skip


def flow_table(session: datetime.date, boards: tuple[str, ...]) -> list[list[str]]:
    """Header and rows of a flow page."""
    return [list(FLOW_HEADER), *(_flow_cells(session, at, n) for at, n in enumerate(boards))]


ROUTES: dict[str, Callable[[datetime.date, Query], Body]] = {
    "/getTopicZTPool": limit_up,
    "/getYesterdayZTPool": limit_up_previous,
    "/getTopicQSPool": strong,
    "/getTopicZBPool": broken,
    "/getTopicDTPool": limit_down,
    "/api/qt/clist/get": lists,
    "/api/qt/stock/fflow/daykline/get": flow_history,
    "/api/qt/stock/kline/get": quote_history,
    "/api/qt/stock/trends2/get": minutes,
    "/api/data/v1/get": datacenter,
    "/search/jsonp": news,
    "/dataapi/limit_up/limit_up_pool": ths_pool,
}
