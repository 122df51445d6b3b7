"""The PyTorch eager peer of `npm run bench -- cpu` and `-- model`: a plain Llama as a practitioner would write it.

SDPA, F.rms_norm, fused AdamW, clip_grad_norm_, and a static KV cache by hand. Speaks JSON lines on stdin/stdout:
one request, one answer; times are in milliseconds and cover the work alone.
"""

import json
import resource
import sys
import time

import torch
import torch.nn.functional as F

state = {}


def load(path, tensors):
    """float32 parameters from one flat file, in the order of `tensors` = [[name, shape], ...], without a second copy."""
    parameters = {}
    with open(path, "rb") as file:
        for name, shape in tensors:
            size = 4
            for n in shape:
                size *= n
            parameters[name] = torch.frombuffer(bytearray(file.read(size)), dtype=torch.float32).view(shape)
    return parameters


def tables(config, length):
    head = config["hidden_size"] // config["num_attention_heads"]
    rates = 1.0 / config["rope_theta"] ** (torch.arange(0, head, 2).float() / head)
    angles = torch.outer(torch.arange(length).float(), rates)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def block(p, config, layer, x, cos, sin, cache=None, position=0, mask=None):
    at = f"model.layers.{layer}."
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    batch, length, width = x.shape
    head = width // heads
    h = F.rms_norm(x, (width,), p[at + "input_layernorm.weight"], config["rms_norm_eps"])
    q = F.linear(h, p[at + "self_attn.q_proj.weight"]).view(batch, length, heads, head).transpose(1, 2)
    k = F.linear(h, p[at + "self_attn.k_proj.weight"]).view(batch, length, groups, head).transpose(1, 2)
    v = F.linear(h, p[at + "self_attn.v_proj.weight"]).view(batch, length, groups, head).transpose(1, 2)
    q, k = rotate(q, cos, sin), rotate(k, cos, sin)
    if cache is None:
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=heads != groups)
    else:
        keys, values = cache
        keys[:, :, position : position + length] = k
        values[:, :, position : position + length] = v
        end = position + length
        y = F.scaled_dot_product_attention(
            q, keys[:, :, :end], values[:, :, :end], is_causal=length > 1, enable_gqa=heads != groups
        )
    x = x + F.linear(y.transpose(1, 2).reshape(batch, length, width), p[at + "self_attn.o_proj.weight"])
    h = F.rms_norm(x, (width,), p[at + "post_attention_layernorm.weight"], config["rms_norm_eps"])
    gate, up = F.linear(h, p[at + "mlp.gate_proj.weight"]), F.linear(h, p[at + "mlp.up_proj.weight"])
    return x + F.linear(F.silu(gate) * up, p[at + "mlp.down_proj.weight"])


def logits(p, config, x):
    x = F.rms_norm(x, (x.shape[-1],), p["model.norm.weight"], config["rms_norm_eps"])
    return F.linear(x, p["model.embed_tokens.weight"])


def hello(_request):
    return {"torch": torch.__version__}


def setup(request):
    torch.set_num_threads(request["threads"])
    state.clear()
    state["config"] = request["config"]
    hyper = request["adamw"]
    p = load(request["weights"], request["tensors"])
    state["p"] = {name: value.requires_grad_(hyper is not None) for name, value in p.items()}
    if hyper is not None:
        matrices = [value for value in state["p"].values() if value.dim() == 2]
        others = [value for value in state["p"].values() if value.dim() != 2]
        state["optimizer"] = torch.optim.AdamW(
            [{"params": matrices}, {"params": others, "weight_decay": 0.0}],
            lr=hyper["lr"],
            betas=tuple(hyper["betas"]),
            eps=hyper["eps"],
            weight_decay=hyper["weightDecay"],
            fused=True,
        )
        state["clip"] = hyper["clip"]
    return {}


def train(request):
    ids = torch.tensor(request["ids"])
    targets = torch.tensor(request["targets"])
    p, config = state["p"], state["config"]
    start = time.perf_counter()
    cos, sin = tables(config, ids.shape[1])
    x = F.embedding(ids, p["model.embed_tokens.weight"])
    for layer in range(config["num_hidden_layers"]):
        x = block(p, config, layer, x, cos, sin)
    out = logits(p, config, x)
    loss = F.cross_entropy(out.view(-1, out.shape[-1]), targets.view(-1))
    state["optimizer"].zero_grad(set_to_none=True)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(p.values(), state["clip"])
    state["optimizer"].step()
    value = loss.item()
    return {"ms": (time.perf_counter() - start) * 1000, "loss": value, "gradNorm": norm.item()}


@torch.inference_mode()
def generate(request):
    """Greedy decoding of `steps` tokens after a prefill; the time is that of prefill and all steps."""
    ids = torch.tensor(request["ids"])
    p, config, steps = state["p"], state["config"], request["steps"]
    batch, length = ids.shape
    head = config["hidden_size"] // config["num_attention_heads"]
    start = time.perf_counter()
    cos, sin = tables(config, length + steps)
    shape = (batch, config["num_key_value_heads"], length + steps, head)
    caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in range(config["num_hidden_layers"])]
    tokens, position, chosen, chosen_log_probs = ids, 0, [], []
    for _ in range(steps):
        x = F.embedding(tokens, p["model.embed_tokens.weight"])
        end = position + tokens.shape[1]
        for layer in range(config["num_hidden_layers"]):
            x = block(p, config, layer, x, cos[position:end], sin[position:end], caches[layer], position)
        out = F.log_softmax(logits(p, config, x[:, -1]), -1)
        best, token = out.max(-1)
        chosen.append(token)
        chosen_log_probs.append(best)
        tokens, position = token[:, None], end
    ids_out = torch.stack(chosen, 1)
    ms = (time.perf_counter() - start) * 1000
    return {"ms": ms, "ids": ids_out.tolist(), "logProbs": torch.stack(chosen_log_probs, 1).tolist()}


@torch.inference_mode()
def score(request):
    """Log-probs of given continuations, and of the likeliest token at each place, in one pass without a cache."""
    prompts, tokens = torch.tensor(request["ids"]), torch.tensor(request["tokens"])
    p, config = state["p"], state["config"]
    ids = torch.cat([prompts, tokens], 1)[:, :-1]
    cos, sin = tables(config, ids.shape[1])
    x = F.embedding(ids, p["model.embed_tokens.weight"])
    for layer in range(config["num_hidden_layers"]):
        x = block(p, config, layer, x, cos, sin)
    out = F.log_softmax(logits(p, config, x[:, prompts.shape[1] - 1 :]), -1)
    return {"logProbs": out.gather(-1, tokens[:, :, None])[:, :, 0].tolist(), "best": out.max(-1).values.tolist()}


def memory(_request):
    """Most resident memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"bytes": peak if sys.platform == "darwin" else peak * 1024}


COMMANDS = {"hello": hello, "setup": setup, "train": train, "generate": generate, "score": score, "memory": memory}
for line in sys.stdin:
    message = json.loads(line)
    try:
        answer = COMMANDS[message["command"]](message)
    except Exception as error:  # the parent turns it into a typed failure
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
