#include "trainer/network/lora.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <cstring>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "storage/files/artifact_files.h"
#include "trainer/kernels/functions.h"
#include "trainer/network/gradient_norm.h"
#include "trainer/network/network_impl.h"

namespace braid::trainer {

struct Lora::Impl {
  Impl(Network::Impl& of, const LoraLayout& layout)
      : network(of),
        p(at::zeros({layout.size}, at::TensorOptions(at::kFloat).device(of.device))),
        g(at::zeros_like(p)),
        m(at::zeros_like(p)),
        v(at::zeros_like(p)),
        step(at::zeros({}, p.options())) {
    // Leaves are views of one buffer, and so are their gradients: the optimizer and the norm of the
    // gradient go over one flat tensor each.
    for (const LoraLayout::Slot& slot : layout.slots) {
      at::Tensor leaf = p.narrow(0, slot.offset, slot.elements()).view(slot.shape).detach();
      leaf.requires_grad_(true);
      leaf.mutable_grad() = g.narrow(0, slot.offset, slot.elements()).view(slot.shape);
      leaves.push_back(leaf);
    }
  }

  // Final-normed states of the last real token of each row, times the classifier: [batch, outputs].
  at::Tensor Outputs(const LoraRows& rows, ForwardContext& pass) {
    const at::Tensor hidden = network.Hidden(network.ToDevice(rows.ids, rows.batch * rows.sequence),
                                             pass);
    std::vector<int32_t> last;
    for (int64_t row = 0; row < rows.batch; ++row) {
      last.push_back(static_cast<int32_t>(row * rows.sequence) + rows.lengths[row] - 1);
    }
    return at::linear(hidden.index_select(0, network.ToDevice(last.data(), rows.batch)),
                      leaves.back());
  }

  Network::Impl& network;
  at::Tensor p, g, m, v, step;
  std::vector<at::Tensor> leaves;  // in the order of the layout's slots
};

namespace {

// The classifier begins as the other linear maps of a model do, with normal numbers of this
// deviation; the adapters begin as nothing, since their B is 0.
constexpr double kClassifierDeviation = 0.02;

std::vector<float> HostCopy(const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().cpu().contiguous();
  return {host.const_data_ptr<float>(), host.const_data_ptr<float>() + host.numel()};
}

// Calls use(sublayers, place) for every attention of a network; `place` is the prefix of its
// tensors.
template <typename Use>
void ForEachAttention(Network::Impl& network, Use use) {
  for (Block* block : network.Blocks()) {
    for (const Block::Attention& attention : block->Attentions())
      use(*attention.sublayers, attention.place);
  }
}

// What identifies the model in a file of adapters.
Json ModelJson(const model::ModelSpec& spec) {
  return {{"name", spec.name}, {"tokenizer", spec.tokenizer}};
}

Status Differs(const std::string& path, const std::string& field, const Json& is,
               const Json& should) {
  return InvalidArgument(path + ": " + field + " is " + Excerpt(is.dump()) + ", expected " +
                         should.dump());
}

struct Stored {
  LoraConfig config;
  Json model;
};

Result<Stored> ReadStored(const std::string& folder) {
  const std::string path = JoinPath(folder, artifact_files::kAdapter);
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  JsonReader read(json, path);
  if (read.RequireInt("format") != 1) read.Fail("format", "this version of braid reads format 1");
  Stored stored;
  stored.config.rank = read.RequireInt("rank");
  stored.config.alpha = read.RequireDouble("alpha");
  stored.config.dropout = read.RequireDouble("dropout");
  stored.config.outputs = read.RequireInt("outputs");
  stored.model = read.RequireObject("model");
  if (stored.config.rank < 1) read.Fail("rank", "must be at least 1");
  if (stored.config.outputs < 1) read.Fail("outputs", "must be at least 1");
  BRAID_RETURN_IF_ERROR(read.Finish());
  return stored;
}

}  // namespace

Lora::Lora(Network& network, const LoraConfig& config)
    : network_(network),
      config_(config),
      layout_(MakeLoraLayout(network.spec(), config)),
      impl_(std::make_unique<Impl>(network.impl(), layout_)) {}

Result<std::unique_ptr<Lora>> Lora::Attach(Network& network, const LoraConfig& config) {
  bool taken = false;
  ForEachAttention(network.impl(), [&](const Sublayers& s, const std::string&) {
    taken |= s.adapter.q_a.defined();
  });
  if (taken) return FailedPrecondition("model " + network.spec().name + " has adapters already");
  auto lora = std::unique_ptr<Lora>(new Lora(network, config));
  const auto leaf = [&](const std::string& name) {
    // Leaves stand in the order of the slots.
    const LoraLayout::Slot& slot = lora->layout_.at(name);
    return lora->impl_->leaves[static_cast<size_t>(&slot - lora->layout_.slots.data())];
  };
  ForEachAttention(network.impl(), [&](Sublayers& s, const std::string& place) {
    s.adapter = {
        leaf(place + ".attn.q.lora_a.weight"),           leaf(place + ".attn.q.lora_b.weight"),
        leaf(place + ".attn.v.lora_a.weight"),           leaf(place + ".attn.v.lora_b.weight"),
        config.alpha / static_cast<double>(config.rank), config.dropout};
  });
  return lora;
}

Lora::~Lora() {
  ForEachAttention(impl_->network, [](Sublayers& s, const std::string&) { s.adapter = {}; });
}

void Lora::Initialize(uint64_t seed) {
  std::vector<float> values(static_cast<size_t>(layout_.size), 0.f);
  for (const LoraLayout::Slot& slot : layout_.slots) {
    // B begins at zero, so that the first step starts from the network itself.
    if (slot.name.ends_with(".lora_b.weight")) continue;
    const RandomStream stream(seed, "lora/" + slot.name);
    const bool classifier = slot.name == "classifier.weight";
    const double bound = 1 / std::sqrt(static_cast<double>(slot.shape[1]));
    for (int64_t i = 0; i < slot.elements(); ++i) {
      const auto n = static_cast<uint64_t>(i);
      values[static_cast<size_t>(slot.offset + i)] = static_cast<float>(
          classifier ? kClassifierDeviation * stream.Normal(n)
                     : bound * (2 * stream.Uniform(n) - 1));
    }
  }
  SetParameters(values);
  impl_->m.zero_();
  impl_->v.zero_();
  impl_->step.zero_();
}

std::vector<float> Lora::Parameters() const {
  return HostCopy(impl_->p);
}
std::vector<float> Lora::Gradients() const {
  return HostCopy(impl_->g);
}

void Lora::SetParameters(const std::vector<float>& parameters) {
  BRAID_CHECK(static_cast<int64_t>(parameters.size()) == layout_.size);
  const at::NoGradGuard no_grad;
  impl_->p.copy_(at::from_blob(const_cast<float*>(parameters.data()), {layout_.size}, at::kFloat));
}

double Lora::Backward(const LoraRows& rows, const float* labels, bool regression, uint64_t seed,
                      uint64_t draw) {
  ForwardContext pass = impl_->network.NewPass(rows.batch, rows.sequence);
  pass.training = true;
  pass.router_noise = true;
  pass.seed = seed;
  pass.draw = draw;
  impl_->g.zero_();
  const at::Tensor outputs = impl_->Outputs(rows, pass);
  at::Tensor truth = at::empty({rows.batch}, at::kFloat);
  std::memcpy(truth.mutable_data_ptr<float>(), labels,
              sizeof(float) * static_cast<size_t>(rows.batch));
  truth = truth.to(impl_->network.device);
  const at::Tensor loss = regression ? at::mse_loss(outputs.squeeze(1), truth)
                                     : ClassLoss(outputs, truth.to(at::kLong));
  // Only what is trained: the products that the gradients of the network's own weights would cost
  // are left out.
  torch::autograd::backward({loss}, {}, /*retain_graph=*/false, /*create_graph=*/false,
                            impl_->leaves);
  return loss.item<double>();
}

double Lora::Update(const LoraOptimizer& optimizer, double lr) {
  const at::NoGradGuard no_grad;
  Impl& s = *impl_;
  const double norm = GradientNorm(s.g);
  if (!std::isfinite(norm)) return norm;
  // The fused step divides the gradients by this number, which clips them without a pass of its
  // own.
  const double divide = optimizer.clip > 0 ? std::max(1.0, norm / optimizer.clip) : 1.0;
  std::vector<at::Tensor> p{s.p}, g{s.g}, m{s.m}, v{s.v}, step{s.step};
  s.step.add_(1);
  at::_fused_adamw_(p, g, m, v, {}, step, lr, optimizer.beta1, optimizer.beta2,
                    optimizer.weight_decay, optimizer.eps,
                    /*amsgrad=*/false, /*maximize=*/false, at::scalar_tensor(divide, s.p.options()),
                    {});
  return norm;
}

std::vector<float> Lora::Logits(const LoraRows& rows) {
  const at::NoGradGuard no_grad;
  ForwardContext pass = impl_->network.EvaluationPass(rows.batch, rows.sequence);
  return HostCopy(impl_->Outputs(rows, pass));
}

Status Lora::Save(const std::string& folder) const {
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  std::vector<storage::SafetensorsWriter::Tensor> tensors;
  for (const LoraLayout::Slot& slot : layout_.slots)
    tensors.push_back({slot.name, "F32", slot.shape});
  BRAID_ASSIGN_OR_RETURN(const auto writer,
                         storage::SafetensorsWriter::Create(
                             JoinPath(folder, artifact_files::kAdapterWeights), tensors));
  const std::vector<float> values = Parameters();
  for (const LoraLayout::Slot& slot : layout_.slots) {
    BRAID_RETURN_IF_ERROR(writer->Append(slot.name, values.data() + slot.offset,
                                         sizeof(float) * static_cast<uint64_t>(slot.elements())));
  }
  BRAID_RETURN_IF_ERROR(writer->Finish());
  return WriteJsonFile(JoinPath(folder, artifact_files::kAdapter),
                       {{"format", 1},
                        {"rank", config_.rank},
                        {"alpha", config_.alpha},
                        {"dropout", config_.dropout},
                        {"outputs", config_.outputs},
                        {"model", ModelJson(network_.spec())}});
}

Status Lora::Load(const std::string& folder) {
  const std::string path = JoinPath(folder, artifact_files::kAdapter);
  BRAID_ASSIGN_OR_RETURN(const Stored stored, ReadStored(folder));
  // Adapters of another model might fit in shape and mean nothing.
  const Json model = ModelJson(network_.spec());
  if (stored.model != model) return Differs(path, "model", stored.model, model);
  if (stored.config.rank != config_.rank)
    return Differs(path, "rank", stored.config.rank, config_.rank);
  if (stored.config.alpha != config_.alpha)
    return Differs(path, "alpha", stored.config.alpha, config_.alpha);
  if (stored.config.outputs != config_.outputs)
    return Differs(path, "outputs", stored.config.outputs, config_.outputs);
  BRAID_ASSIGN_OR_RETURN(const auto file, storage::SafetensorsFile::Open(
                                              JoinPath(folder, artifact_files::kAdapterWeights)));
  std::vector<float> values(static_cast<size_t>(layout_.size));
  for (const LoraLayout::Slot& slot : layout_.slots) {
    BRAID_ASSIGN_OR_RETURN(const float* data, file.Floats(slot.name, slot.shape));
    std::memcpy(values.data() + slot.offset, data,
                sizeof(float) * static_cast<size_t>(slot.elements()));
  }
  if (file.tensors().size() != layout_.slots.size()) {
    return InvalidArgument(file.path() + ": has tensors besides the adapters of model " +
                           network_.spec().name);
  }
  SetParameters(values);
  return OkStatus();
}

void Lora::Merge() {
  const at::NoGradGuard no_grad;
  const double factor = config_.alpha / static_cast<double>(config_.rank);
  for (size_t i = 0; i + 1 < layout_.slots.size(); i += 2) {  // A and B follow one another; the
                                                              // classifier is last
    const std::string& name = layout_.slots[i].name;
    const std::string weight = name.substr(0, name.size() - std::string("lora_a.weight").size()) +
                               "weight";
    const Layout::Slot& slot = network_.layout().at(weight);
    impl_->network.p.narrow(0, slot.offset, slot.tensor.elements())
        .view(slot.tensor.shape)
        .add_(at::mm(impl_->leaves[i + 1], impl_->leaves[i]), factor);
    impl_->leaves[i + 1].zero_();
  }
}

Result<LoraConfig> ReadLoraConfig(const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const Stored stored, ReadStored(folder));
  return stored.config;
}

}  // namespace braid::trainer
