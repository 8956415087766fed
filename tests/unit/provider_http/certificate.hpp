#pragma once

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <unistd.h>

namespace evenkeel::providers::testing {

/// A TLS server identity made on the spot: self-signed, for `names` ("IP:127.0.0.1", "DNS:x"),
/// valid from thirty days ago until `days` from now.
class TestIdentity {
public:
    TestIdentity(const std::string& names, int days)
        : key_{EVP_EC_gen("P-256")},
          certificate_{X509_new()},
          context_{SSL_CTX_new(TLS_server_method())} {
        X509* const cert = certificate_.get();
        X509_set_version(cert, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
        X509_gmtime_adj(X509_getm_notBefore(cert), -86'400L * 30);
        X509_gmtime_adj(X509_getm_notAfter(cert), 86'400L * days);
        X509_set_pubkey(cert, key_.get());
        X509_NAME* const name = X509_get_subject_name(cert);
        X509_NAME_add_entry_by_txt(
            name,
            "CN",
            MBSTRING_ASC,
            reinterpret_cast<const unsigned char*>("evenkeel test"),
            -1,
            -1,
            0);
        X509_set_issuer_name(cert, name);
        add(NID_subject_alt_name, names);
        add(NID_basic_constraints, "critical,CA:TRUE");
        X509_sign(cert, key_.get(), EVP_sha256());
        SSL_CTX_use_certificate(context_.get(), cert);
        SSL_CTX_use_PrivateKey(context_.get(), key_.get());
    }
    [[nodiscard]] SSL_CTX* context() const { return context_.get(); }
    /// The certificate in PEM, for those who are to trust it.
    [[nodiscard]] std::string pem() const {
        const std::unique_ptr<BIO, decltype(&BIO_free)> out{BIO_new(BIO_s_mem()), &BIO_free};
        PEM_write_bio_X509(out.get(), certificate_.get());
        char* bytes = nullptr;
        const long size = BIO_get_mem_data(out.get(), &bytes);
        return {bytes, static_cast<std::size_t>(size)};
    }

private:
    void add(int nid, const std::string& value) {
        X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
        X509_add_ext(certificate_.get(), extension, -1);
        X509_EXTENSION_free(extension);
    }
    template <auto free>
    struct Deleter {
        template <class T>
        void operator()(T* object) const {
            free(object);
        }
    };
    std::unique_ptr<EVP_PKEY, Deleter<&EVP_PKEY_free>> key_;
    std::unique_ptr<X509, Deleter<&X509_free>> certificate_;
    std::unique_ptr<SSL_CTX, Deleter<&SSL_CTX_free>> context_;
};

class CertificateFile {
public:
    explicit CertificateFile(const std::string& pem)
        : path_{(std::filesystem::temp_directory_path() /
                 fmt::format("ek-ca-{}-{}.pem", ::getpid(), counter_++))
                    .string()} {
        std::ofstream{path_} << pem;
    }
    CertificateFile(const CertificateFile&) = delete;
    CertificateFile& operator=(const CertificateFile&) = delete;
    ~CertificateFile() { std::filesystem::remove(path_); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    static inline int counter_ = 0;
    std::string path_;
};

}  // namespace evenkeel::providers::testing
