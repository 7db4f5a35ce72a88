RUST_ARCH_DEPENDS:=@(aarch64||arm||mips||mipsel||x86_64)
Build/Compile=cargo install --root $(PKG_INSTALL_DIR) --path $(PKG_BUILD_DIR)
define RustBinPackage
endef
